"""Complete networks, each ready to be named in a bundle config."""

from __future__ import annotations

from monai_gan.networks.nets.dcgan import DCGANDiscriminator, DCGANGenerator
from monai_gan.networks.nets.wgan import WGANCritic, WGANGenerator

__all__ = ["DCGANDiscriminator", "DCGANGenerator", "WGANCritic", "WGANGenerator"]
