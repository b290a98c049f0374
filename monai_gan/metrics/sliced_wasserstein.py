"""Sliced Wasserstein distance of image patches (Rabin 2011; on Laplacian pyramids Karras et al. 2018, section 5)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: A pyramid ends at the last level whose shortest side is at least this long.
SMALLEST_SIDE = 12


def sliced_wasserstein(
    x: Tensor, y: Tensor, *, patch: int = 7, patches: int = 32, projections: int = 128, seed: int = 0
) -> float:
    """How far the local structure of ``x`` is from that of the reference ``y``, over all scales.

    Both sets are split into Laplacian pyramids. On every level random patches are compared by the mean Wasserstein-1
    distance of their one-dimensional projections; a level counts in units of the standard deviation of the reference on
    that level, so that fine texture weighs as much as coarse shape (unlike the original, which normalises each set by
    itself and so misses wrong contrast). The figure is the mean over the levels. No feature network is involved.

    Args:
        x, y: images (N, C, *S) and (M, C, *S) in 2-D or 3-D, at least two each.
        patch: side of a patch, made smaller on levels that are smaller.
        patches: patches taken from each image.
        projections: number of directions.
        seed: of patches and directions.

    Returns:
        The distance, 0 for equal distributions of patches; two real sets of a few hundred images are near 0.05.

    Raises:
        ValueError: if a set has fewer than two images or the shapes differ.
    """
    if x.shape[1:] != y.shape[1:] or len(x) < 2 or len(y) < 2 or x.ndim not in (4, 5):
        raise ValueError(f"x {tuple(x.shape)} and y {tuple(y.shape)} must be two or more images each, of one shape.")
    generator = torch.Generator().manual_seed(seed)
    distances = []
    for a, b in zip(
        laplacian_pyramid(x.detach().cpu().float()), laplacian_pyramid(y.detach().cpu().float()), strict=True
    ):
        side = min(patch, *a.shape[2:])
        corners = [
            [int(torch.randint(size - side + 1, (), generator=generator)) for size in a.shape[2:]]
            for _ in range(patches)
        ]
        p, q = _patches(a, side, corners), _patches(b, side, corners)
        directions = torch.randn(p.shape[1], projections, generator=generator)
        directions /= directions.norm(dim=0)
        distances.append(_wasserstein(p @ directions, q @ directions) / b.std().clamp_min(1e-6))
    return float(torch.stack(distances).mean())


def laplacian_pyramid(images: Tensor) -> list[Tensor]:
    """Differences of images (N, C, *S) and their blurred selves, finest first; the last level is the blurred rest."""
    dims = images.ndim - 2
    pool = F.avg_pool2d if dims == 2 else F.avg_pool3d
    mode = "bilinear" if dims == 2 else "trilinear"
    levels = []
    while min(images.shape[2:]) // 2 >= SMALLEST_SIDE:
        coarse = pool(images, 2)
        levels.append(images - F.interpolate(coarse, size=images.shape[2:], mode=mode, align_corners=False))
        images = coarse
    return [*levels, images]


def _patches(images: Tensor, side: int, corners: list[list[int]]) -> Tensor:
    """A patch from each of the places of every image, flattened (N * places, C * side ** dims)."""
    windows = [(slice(None), slice(None), *(slice(start, start + side) for start in corner)) for corner in corners]
    return torch.cat([images[window].flatten(1) for window in windows])


def _wasserstein(p: Tensor, q: Tensor) -> Tensor:
    """Mean over the columns of the Wasserstein-1 distance of two samples (N, K) and (M, K)."""
    p, q = p.sort(dim=0).values, q.sort(dim=0).values
    if len(p) != len(q):
        # Quantile k of the smaller sample stands for as much mass as its share of the larger one.
        n = max(len(p), len(q))
        levels = (torch.arange(n) + 0.5) / n
        p, q = (v if len(v) == n else v[(levels * len(v)).long().clamp_max(len(v) - 1)] for v in (p, q))
    return (p - q).abs().mean()
