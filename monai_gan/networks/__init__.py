"""Network blocks and complete networks, two- and three-dimensional through ``spatial_dims``; ``fuse`` for others."""

from __future__ import annotations

from monai_gan.networks import blocks, nets
from monai_gan.networks.fuse import FuseReport, Swap, fuse

__all__ = ["FuseReport", "Swap", "blocks", "fuse", "nets"]
