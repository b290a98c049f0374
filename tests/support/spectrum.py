"""Checkerboards, seen as a peak of power at the frequencies of stride-2 sampling."""

from __future__ import annotations

import torch
from torch import Tensor

BORDER = 8  # pixels left out on each side: zero padding is no checkerboard


def mean_power(images: Tensor) -> Tensor:
    """Mean power spectrum (H, W) of images (N, 1, H, W) without their borders, brought to unit variance."""
    inner = images[:, 0, BORDER:-BORDER, BORDER:-BORDER]
    return torch.fft.fft2(inner / inner.std()).abs().square().mean(0)


def artefact_ratios(power: Tensor) -> list[float]:
    """Power on the rows and columns of period 2, 4 and 8, relative to the frequencies beside them.

    Args:
        power: spectrum (H, H) as ``torch.fft.fft2`` orders it.

    Returns:
        One ratio per period; about 1 or below for a spectrum that falls off smoothly.
    """
    line = power.mean(0) + power.mean(1)
    half = len(line) // 2
    ratios = []
    for frequency in (half, half // 2, half // 4):
        beside = [frequency - 2, frequency - 1] + ([frequency + 1, frequency + 2] if frequency < half else [])
        ratios.append((line[frequency] / line[beside].mean()).item())
    return ratios
