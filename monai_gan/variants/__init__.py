"""GANs of the literature, one short file each; see :class:`Variant` for the contract with the trainer."""

from __future__ import annotations

from monai_gan.variants.adaptive_augment import AdaptiveAugment
from monai_gan.variants.augmentation import Augmentation
from monai_gan.variants.base import Batch, Half, LatentGAN, Variant
from monai_gan.variants.cyclegan import CycleGAN
from monai_gan.variants.dcgan import DCGAN
from monai_gan.variants.image_pool import ImagePool
from monai_gan.variants.image_to_image import ImageToImage
from monai_gan.variants.pix2pix import Pix2Pix
from monai_gan.variants.srgan import SRGAN
from monai_gan.variants.step import Part, Phase, Step
from monai_gan.variants.stylegan2 import StyleGAN2
from monai_gan.variants.wgan import WGAN
from monai_gan.variants.wgan_gp import WGANGP

__all__ = [
    "DCGAN",
    "SRGAN",
    "WGAN",
    "WGANGP",
    "AdaptiveAugment",
    "Augmentation",
    "Batch",
    "CycleGAN",
    "Half",
    "ImagePool",
    "ImageToImage",
    "LatentGAN",
    "Part",
    "Phase",
    "Pix2Pix",
    "Step",
    "StyleGAN2",
    "Variant",
]
