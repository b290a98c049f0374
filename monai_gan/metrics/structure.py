"""Do two images of different contrast have their edges at the same places? No reference is needed."""

from __future__ import annotations

import torch
from torch import Tensor


def gradient_agreement(image: Tensor, other: Tensor, foreground: Tensor | None = None) -> float:
    """How far the edges of two images lie along each other, whatever their contrast.

    The normalised gradient fields of Haber and Modersitzki (2006, "Intensity gradient based registration and fusion of
    multi-modal images", equations 4 and 5): gradients are divided by their length, which is softened by the mean
    length, and the squares of their products are summed; here divided by the same sums of each field with itself, so
    that an image agrees with itself by 1. Where a model invented or lost edges, it falls.

    Args:
        image: (C, *S), 2-D or 3-D, float.
        other: of the same shape.
        foreground: (C, *S) or (1, *S), bool, what to average over; default: where ``image`` is above its mean.

    Returns:
        From 0, no edge in common, to 1, the same edges, in any contrast.

    Raises:
        ValueError: the shapes differ.
    """
    if image.shape != other.shape:
        raise ValueError(f"images of {tuple(image.shape)} and {tuple(other.shape)} cannot be compared.")
    chosen = image > image.mean() if foreground is None else foreground.expand_as(image)
    if not chosen.any():
        return 0.0
    first, second = (_normalised_gradient(one.float(), chosen) for one in (image, other))
    common = (first * second).sum(0).square()[chosen].sum()
    own = [field.square().sum(0).square()[chosen].sum() for field in (first, second)]
    return float(common / (own[0] * own[1]).sqrt().clamp_min(torch.finfo(common.dtype).tiny))


def _normalised_gradient(image: Tensor, chosen: Tensor) -> Tensor:
    """Gradients (axes, C, *S), of lengths below 1."""
    axes = [axis for axis in range(1, image.ndim) if image.shape[axis] > 1]
    gradient = torch.stack(torch.gradient(image, dim=axes)) if axes else image.new_zeros(1, *image.shape)
    length = gradient.square().sum(0)
    soft = length.sqrt()[chosen].mean()
    return gradient / (length + soft.square()).sqrt().clamp_min(torch.finfo(image.dtype).tiny)
