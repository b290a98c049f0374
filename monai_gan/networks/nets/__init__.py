"""Complete networks, each ready to be named in a bundle config."""

from __future__ import annotations

from monai_gan.networks.nets.dcgan import DCGANDiscriminator, DCGANGenerator
from monai_gan.networks.nets.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from monai_gan.networks.nets.super_resolution import RRDBNet, SRResNet
from monai_gan.networks.nets.translation import ResNetGenerator, UNetGenerator
from monai_gan.networks.nets.two_way import TwoWayGenerator
from monai_gan.networks.nets.wgan import WGANCritic, WGANGenerator

__all__ = [
    "DCGANDiscriminator",
    "DCGANGenerator",
    "RRDBNet",
    "ResNetGenerator",
    "SRResNet",
    "StyleGAN2Discriminator",
    "StyleGAN2Generator",
    "TwoWayGenerator",
    "UNetGenerator",
    "WGANCritic",
    "WGANGenerator",
]
