"""Bias, piecewise-linear activation, gain and clamp, and its derivative by the result, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.ops._checks import accumulation_type


def forward(x: Tensor, bias: Tensor | None, slope: float, gain: float, clamp: float) -> Tensor:
    """``clamp(gain * activation(x + bias))``, in float32 or wider and rounded once.

    Args:
        x: (N, C, ...).
        bias: (C,) of any floating type, or None.
        slope: of the activation below zero.
        gain: factor after it.
        clamp: largest absolute value, 0 for none.

    Returns:
        A tensor like ``x``.
    """
    wide = x.to(accumulation_type(x.dtype))
    if bias is not None:
        wide = wide + bias.to(wide.dtype).reshape(-1, *(1,) * (x.ndim - 2))
    y = torch.where(wide > 0, wide, wide * slope) * gain
    return torch.empty_like(x).copy_(y.clamp(-clamp, clamp) if clamp else y)


def backward(grad: Tensor, y: Tensor, slope: float, gain: float, clamp: float) -> Tensor:
    """The cotangent of ``x``: the derivative is told by the result's sign and size.

    Args:
        grad: cotangent of the result.
        y: the result.
        slope, gain, clamp: as for :func:`forward`.

    Returns:
        A tensor like ``y``.
    """
    wide = grad.to(accumulation_type(y.dtype)) * gain
    wide = torch.where(y > 0, wide, wide * slope)
    if clamp:
        wide = torch.where(y.abs() < clamp, wide, 0.0)
    return torch.empty_like(y).copy_(wide)
