"""Complete networks, each ready to be named in a bundle config."""

from __future__ import annotations

from monai_gan.networks.nets.anogan import AnoGANNetwork
from monai_gan.networks.nets.began import BEGANDiscriminator, BEGANGenerator
from monai_gan.networks.nets.biggan import BigGANDiscriminator, BigGANGenerator
from monai_gan.networks.nets.conditional import ConditionalDiscriminator, ConditionalGenerator
from monai_gan.networks.nets.dcgan import DCGANDiscriminator, DCGANEncoder, DCGANGenerator
from monai_gan.networks.nets.detection import (
    BEGANNetwork,
    Detection,
    DetectionNetwork,
    FAnoGANNetwork,
    GANomalyNetwork,
    ReconstructionNetwork,
)
from monai_gan.networks.nets.infogan import InfoGANDiscriminator, InfoGANGenerator
from monai_gan.networks.nets.mlp import MLPDiscriminator, MLPGenerator
from monai_gan.networks.nets.pggan import PGGANDiscriminator, PGGANGenerator
from monai_gan.networks.nets.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from monai_gan.networks.nets.super_resolution import RRDBNet, SRResNet
from monai_gan.networks.nets.translation import ResNetGenerator, UNetGenerator
from monai_gan.networks.nets.two_way import TwoWayGenerator
from monai_gan.networks.nets.wgan import WGANCritic, WGANGenerator

__all__ = [
    "AnoGANNetwork",
    "BEGANDiscriminator",
    "BEGANGenerator",
    "BEGANNetwork",
    "BigGANDiscriminator",
    "BigGANGenerator",
    "ConditionalDiscriminator",
    "ConditionalGenerator",
    "DCGANDiscriminator",
    "DCGANEncoder",
    "DCGANGenerator",
    "Detection",
    "DetectionNetwork",
    "FAnoGANNetwork",
    "GANomalyNetwork",
    "InfoGANDiscriminator",
    "InfoGANGenerator",
    "MLPDiscriminator",
    "MLPGenerator",
    "PGGANDiscriminator",
    "PGGANGenerator",
    "RRDBNet",
    "ReconstructionNetwork",
    "ResNetGenerator",
    "SRResNet",
    "StyleGAN2Discriminator",
    "StyleGAN2Generator",
    "TwoWayGenerator",
    "UNetGenerator",
    "WGANCritic",
    "WGANGenerator",
]
