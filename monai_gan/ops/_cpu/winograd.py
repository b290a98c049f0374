"""Convolutions with kernels of 3 x 3 by Winograd's minimal filtering in C++ for the CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.ops import _native
from monai_gan.ops._cpu._call import call

#: Channels come in whole vectors.
CHANNELS = 16
TILE = 4


def is_fast() -> bool:
    """Whether the compiled module, which is there, has the vectors that beat torch's own convolution."""
    return bool(_native.module.cpu_isa() != "baseline")  # type: ignore[union-attr]


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, turned: bool) -> Tensor:
    """Convolve with a stride of 1 and a border of one zero, or compute the derivative of that.

    Args:
        x: (N, C, H, W), float32, channels-last.
        weight: (K, C, 3, 3), or (C, K, 3, 3) if ``turned``, float32, channels-last; C and K multiples of ``CHANNELS``.
        bias: (K,), or None.
        turned: whether the kernels act turned by half a turn and from their results to their inputs.

    Returns:
        (N, K, H, W), channels-last.
    """
    batch, channels, height, width = x.shape
    results = weight.shape[1 if turned else 0]
    y = torch.empty((batch, results, height, width), dtype=x.dtype, memory_format=torch.channels_last)
    bias = torch.zeros(results) if bias is None else bias.contiguous()
    transformed = torch.empty(_native.module.winograd_size(channels, results))  # type: ignore[union-attr]
    call("winograd_kernels", weight, weight, *weight.shape[:2], turned, transformed)
    call("winograd_convolve", x, batch, height, width, channels, results, x, transformed, bias, y)
    return y
