"""Convolutions with kernels of 3 x 3 by Winograd's minimal filtering on the CPU: C++ around torch's matrix products."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.ops import _native
from monai_gan.ops._cpu._call import call, function

#: Channels come in whole vectors.
CHANNELS = 16
TILE, POINTS = 4, 36
#: Bytes of values and products that are worked on at a time, which a shared cache holds, and the fewest tiles: matrices
#: with fewer rows are multiplied slowly.
_BYTES, _FEWEST = 4 * 2**20, 192


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
    kernels = torch.empty(POINTS * _pitch(*weight.shape[:2]))
    call("winograd_kernels", weight, weight, *weight.shape[:2], turned, kernels)
    kernels = _planes(kernels, *weight.shape[:2])
    matrices = kernels if turned else kernels.mT
    image = function("Image")(batch, height, width, channels), function("Image")(batch, height, width, results)
    tiles = batch * -(-height // TILE) * -(-width // TILE)
    size = max(_BYTES // (4 * POINTS * (channels + results)), _FEWEST)
    rounds = -(-tiles // size)
    room = [torch.empty(POINTS * _pitch(-(-tiles // rounds), columns)) for columns in (channels, results)]
    for start, end in ((tiles * i // rounds, tiles * (i + 1) // rounds) for i in range(rounds)):
        patches, products = _planes(room[0], end - start, channels), _planes(room[1], end - start, results)
        call("winograd_patches", x, image[0], start, end - start, x, patches)
        torch.bmm(patches, matrices, out=products)
        call("winograd_results", x, image[1], start, end - start, products, bias, y)
    return y


def _pitch(rows: int, columns: int) -> int:
    """Numbers from a matrix of (rows, columns) to that of the next point."""
    return int(_native.module.winograd_pitch(rows, columns))  # type: ignore[union-attr]


def _planes(room: Tensor, rows: int, columns: int) -> Tensor:
    """A matrix per point, (36, rows, columns)."""
    return room.as_strided((POINTS, rows, columns), (_pitch(rows, columns), columns, 1))
