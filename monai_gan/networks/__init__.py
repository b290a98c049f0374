"""Network blocks and complete networks, two- and three-dimensional through ``spatial_dims``."""

from __future__ import annotations

from monai_gan.networks import blocks, nets

__all__ = ["blocks", "nets"]
