"""Complete networks, each ready to be named in a bundle config."""

from __future__ import annotations

from monai_gan.networks.nets.anogan import AnoGANNetwork
from monai_gan.networks.nets.dcgan import DCGANDiscriminator, DCGANEncoder, DCGANGenerator
from monai_gan.networks.nets.detection import (
    Detection,
    DetectionNetwork,
    FAnoGANNetwork,
    GANomalyNetwork,
    ReconstructionNetwork,
)
from monai_gan.networks.nets.super_resolution import RRDBNet, SRResNet
from monai_gan.networks.nets.translation import ResNetGenerator, UNetGenerator
from monai_gan.networks.nets.two_way import TwoWayGenerator
from monai_gan.networks.nets.wgan import WGANCritic, WGANGenerator

__all__ = [
    "AnoGANNetwork",
    "DCGANDiscriminator",
    "DCGANEncoder",
    "DCGANGenerator",
    "Detection",
    "DetectionNetwork",
    "FAnoGANNetwork",
    "GANomalyNetwork",
    "RRDBNet",
    "ReconstructionNetwork",
    "ResNetGenerator",
    "SRResNet",
    "TwoWayGenerator",
    "UNetGenerator",
    "WGANCritic",
    "WGANGenerator",
]
