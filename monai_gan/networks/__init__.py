"""Network blocks and complete networks, two- and three-dimensional through ``spatial_dims``; ``fuse`` for others."""

from __future__ import annotations

from monai_gan.networks import blocks, nets
from monai_gan.networks.contrast import match_contrast
from monai_gan.networks.fuse import FuseReport, Swap, fuse
from monai_gan.networks.nvidia import load_nvidia_stylegan2
from monai_gan.networks.style_space import Projection, project_image, style_directions, style_shift

__all__ = [
    "FuseReport",
    "Projection",
    "Swap",
    "blocks",
    "fuse",
    "load_nvidia_stylegan2",
    "match_contrast",
    "nets",
    "project_image",
    "style_directions",
    "style_shift",
]
