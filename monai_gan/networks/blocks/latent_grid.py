"""Between latent vectors and the coarsest feature map of a network."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monai.networks.layers.factories import Conv
from torch import nn

from monai_gan.networks.blocks.resolution import check_positive

PROJECTIONS = ("linear", "grid")


def project_latent(projection: str, latent_size: int, channels: int, base: Sequence[int], bias: bool) -> nn.Sequential:
    """Latents (N, latent_size) to feature maps (N, channels, *base).

    Args:
        projection: ``"linear"``, every number of the latent reaches every pixel; ``"grid"``, the latent is itself a map
            of the base grid, laid flat, of which each pixel has its share: much finer detail, for few weights.
        latent_size: with ``"grid"`` a multiple of the pixels of the base.
        channels: of the feature map.
        base: size of the coarsest grid.
        bias: whether the layer has one.

    Raises:
        ValueError: the projection is unknown, or the size of the latent does not fit the grid.
    """
    if projection == "linear":
        return nn.Sequential(
            nn.Linear(latent_size, channels * math.prod(base), bias=bias), nn.Unflatten(1, (channels, *base))
        )
    width = grid_channels(projection, latent_size, base)
    return nn.Sequential(
        nn.Unflatten(1, (width, *base)), Conv[Conv.CONV, len(base)](width, channels, kernel_size=1, bias=bias)
    )


def collect_latent(projection: str, latent_size: int, channels: int, base: Sequence[int]) -> nn.Sequential:
    """The way back: feature maps (N, channels, *base) to latents (N, latent_size); arguments as before."""
    if projection == "linear":
        return nn.Sequential(nn.Flatten(), nn.Linear(channels * math.prod(base), latent_size))
    width = grid_channels(projection, latent_size, base)
    return nn.Sequential(Conv[Conv.CONV, len(base)](channels, width, kernel_size=1), nn.Flatten())


def grid_channels(projection: str, latent_size: int, base: Sequence[int]) -> int:
    """Channels of a latent that is a map of the base grid."""
    check_positive(latent_size=latent_size)
    if projection != "grid":
        raise ValueError(f"projection={projection!r} is unknown; choose one of {', '.join(PROJECTIONS)}.")
    width, rest = divmod(latent_size, math.prod(base))
    if rest or not width:
        raise ValueError(
            f"latent_size={latent_size} is no whole number of maps of the base grid {tuple(base)}: give a multiple of "
            f"{math.prod(base)}."
        )
    return width
