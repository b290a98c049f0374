"""GANs of the literature, one short file each; see :class:`Variant` for the contract with the trainer."""

from __future__ import annotations

from monai_gan.variants.adaptive_augment import AdaptiveAugment
from monai_gan.variants.augmentation import Augmentation
from monai_gan.variants.base import Batch, Half, LatentGAN, Variant
from monai_gan.variants.began import BEGAN
from monai_gan.variants.biggan import BigGAN
from monai_gan.variants.cgan import CGAN
from monai_gan.variants.coarse_noise import coarse_noise
from monai_gan.variants.conditions import Condition, condition_of, fake_condition
from monai_gan.variants.cyclegan import CycleGAN
from monai_gan.variants.dcgan import DCGAN
from monai_gan.variants.denoising_autoencoder import DenoisingAutoEncoder
from monai_gan.variants.fanogan import FAnoGAN
from monai_gan.variants.ganomaly import GANomaly
from monai_gan.variants.histogram_start import HistogramStart
from monai_gan.variants.image_pool import ImagePool
from monai_gan.variants.image_to_image import ImageToImage
from monai_gan.variants.infogan import InfoGAN
from monai_gan.variants.pggan import PGGAN
from monai_gan.variants.pix2pix import Pix2Pix
from monai_gan.variants.srgan import SRGAN
from monai_gan.variants.step import Part, Phase, Step
from monai_gan.variants.stylegan2 import StyleGAN2
from monai_gan.variants.vanilla_gan import VanillaGAN
from monai_gan.variants.wgan import WGAN
from monai_gan.variants.wgan_gp import WGANGP

__all__ = [
    "BEGAN",
    "CGAN",
    "DCGAN",
    "PGGAN",
    "SRGAN",
    "WGAN",
    "WGANGP",
    "AdaptiveAugment",
    "Augmentation",
    "Batch",
    "BigGAN",
    "Condition",
    "CycleGAN",
    "DenoisingAutoEncoder",
    "FAnoGAN",
    "GANomaly",
    "Half",
    "HistogramStart",
    "ImagePool",
    "ImageToImage",
    "InfoGAN",
    "LatentGAN",
    "Part",
    "Phase",
    "Pix2Pix",
    "Step",
    "StyleGAN2",
    "VanillaGAN",
    "Variant",
    "coarse_noise",
    "condition_of",
    "fake_condition",
]
