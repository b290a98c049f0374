"""Sliced Wasserstein distance of two image sets (Rabin et al. 2011; for GANs Karras et al. 2018, arXiv 1710.10196)."""

from __future__ import annotations

import torch
from torch import Tensor


def sliced_wasserstein(x: Tensor, y: Tensor, *, projections: int = 256, seed: int = 0) -> float:
    """Mean Wasserstein-1 distance of random one-dimensional projections of two image sets.

    Every image is a vector of pixels; each unit direction projects both sets to numbers, whose sorted sequences are
    compared. No feature network is involved, so the figure needs no weights; it sees pixels, not meaning.
    With unit directions the figure hardly depends on the image size: a shift of every pixel by d gives about 0.8 d.

    Args:
        x, y: images (N, C, *S) and (M, C, *S) of equal shape; if N differs from M, quantiles are interpolated.
        projections: number of directions.
        seed: of the directions.

    Returns:
        The distance in the units of the pixels, at least 0.

    Raises:
        ValueError: if a set has fewer than two images or the shapes differ.
    """
    if x.shape[1:] != y.shape[1:] or len(x) < 2 or len(y) < 2:
        raise ValueError(f"x {tuple(x.shape)} and y {tuple(y.shape)} must be two or more images each, of one shape.")
    a, b = x.detach().flatten(1).double().cpu(), y.detach().flatten(1).double().cpu()
    directions = torch.randn(
        a.shape[1], projections, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    directions /= directions.norm(dim=0)
    p, q = (a @ directions).sort(dim=0).values, (b @ directions).sort(dim=0).values
    if len(p) != len(q):
        levels = (torch.arange(max(len(p), len(q)), dtype=torch.float64) + 0.5) / max(len(p), len(q))
        p, q = torch.quantile(p, levels, dim=0), torch.quantile(q, levels, dim=0)
    return float((p - q).abs().mean())
