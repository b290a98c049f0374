"""Separable windows that slide over images and volumes, in plain torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.ops._checks import accumulation_type

UNIFORM = math.inf  # a Gaussian without an end has equal values


def window(size: int, sigma: float, like: Tensor) -> Tensor:
    """Weights along one axis, (size,): a Gaussian around the middle, uniform for an infinite sigma; their sum is 1."""
    distance = torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
    return torch.softmax(-(distance / sigma).square() / 2, dim=0)


def slide(x: Tensor, sizes: Sequence[int], sigmas: Sequence[float]) -> Tensor:
    """Weighted means of the windows that lie inside (N, C, *S); an axis of n becomes one of n - size + 1."""
    convolve = F.conv2d if len(sizes) == 2 else F.conv3d
    maps = x.flatten(0, 1).unsqueeze(1)
    # An autocast would filter in half precision.
    with torch.autocast(x.device.type, enabled=False):
        for axis, (size, sigma) in enumerate(zip(sizes, sigmas, strict=True)):
            shape = [1] * (2 + len(sizes))
            shape[2 + axis] = size
            maps = convolve(maps, window(size, sigma, x).reshape(shape))
    return maps.reshape(*x.shape[:2], *maps.shape[2:])


def spread(x: Tensor, sizes: Sequence[int], sigmas: Sequence[float]) -> Tensor:
    """The adjoint of :func:`slide`: windows are symmetric, so they slide over as many zeros as they reach."""
    reach = [size - 1 for size in reversed(sizes) for _ in range(2)]
    return slide(F.pad(x, reach), sizes, sigmas)


def shifts(x: Tensor) -> Tensor:
    """A number near those of each image, (N, C, 1, ...), in the accumulation type: its mean, or 0 if that is none.

    Variances and covariances do not depend on what is subtracted; without it float32 has no digits left for them where
    the mean is large.
    """
    axes = tuple(range(2, x.ndim))
    mean = x.detach().mean(axes, keepdim=True, dtype=accumulation_type(x.dtype))
    return mean.nan_to_num(0.0, 0.0, 0.0)
