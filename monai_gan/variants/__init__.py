"""GANs of the literature, one short file each; see :class:`Variant` for the contract with the trainer."""

from __future__ import annotations

from monai_gan.variants.base import Batch, Half, LatentGAN, Variant
from monai_gan.variants.dcgan import DCGAN
from monai_gan.variants.step import Part, Phase, Step
from monai_gan.variants.wgan import WGAN
from monai_gan.variants.wgan_gp import WGANGP

__all__ = ["DCGAN", "WGAN", "WGANGP", "Batch", "Half", "LatentGAN", "Part", "Phase", "Step", "Variant"]
