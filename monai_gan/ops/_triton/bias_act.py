"""Bias, piecewise-linear activation, gain and clamp in one pass in Triton."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from monai_gan.ops._triton.launch import ACCUMULATE, OPTIONS, SERVES, ceil_div, lanes, on_device, power_of_2

__all__ = ["SERVES", "backward", "forward"]

_WARPS = 4
_LOADS = 2  # wide loads per thread and operand: enough bytes in flight to hide the latency of memory


def forward(x: Tensor, bias: Tensor | None, slope: float, gain: float, clamp: float) -> Tensor:
    """``clamp(gain * activation(x + bias))``.

    Args:
        x: (N, C, ...), dense.
        bias: (C,) of any floating type, or None.
        slope: of the activation below zero.
        gain: factor after it.
        clamp: largest absolute value, 0 for none.

    Returns:
        A tensor like ``x``.
    """
    out = torch.empty_like(x)
    block, grid = _tiles(x)
    # Items between two channels: a whole feature map, or one where channels are innermost.
    inner = max(1, x.stride(1)) if x.ndim > 2 else 1
    with on_device(x):
        _activate[grid](
            x, bias, out, x.numel(), x.shape[1], inner, SLOPE=slope, GAIN=gain, CLAMP=clamp, **_how(x, block)
        )  # fmt: skip
    return out


def backward(grad: Tensor, y: Tensor, slope: float, gain: float, clamp: float) -> Tensor:
    """The cotangent of ``x``: the derivative is told by the result's sign and size.

    Args:
        grad: cotangent of the result, in its layout.
        y: the result, dense.
        slope, gain, clamp: as for :func:`forward`.

    Returns:
        A tensor like ``y``.
    """
    out = torch.empty_like(y)
    block, grid = _tiles(y)
    with on_device(y):
        _pull[grid](grad, y, out, y.numel(), SLOPE=slope, GAIN=gain, CLAMP=clamp, **_how(y, block))
    return out


def _tiles(x: Tensor) -> tuple[int, tuple[int]]:
    block = min(32 * _WARPS * _LOADS * lanes(x.dtype), power_of_2(x.numel()))
    return block, (ceil_div(x.numel(), block),)


def _how(x: Tensor, block: int) -> dict[str, Any]:
    wide = tl.float64 if ACCUMULATE[x.dtype] == torch.float64 else tl.float32
    # Divisions of 64 bits would cost more than the rest of the kernel.
    return {"WIDE": wide, "LONG": x.numel() + block >= 2**31, "BLOCK": block, "num_warps": _WARPS, **OPTIONS}


@triton.jit
def _activate(
    x_ptr, bias_ptr, out_ptr, total, channels, inner,
    SLOPE: tl.constexpr, GAIN: tl.constexpr, CLAMP: tl.constexpr, WIDE: tl.constexpr, LONG: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """One program maps BLOCK items.

    x, out: (total,), of which ``inner`` items in a row belong to one of ``channels``. bias: (channels,) or None.
    """
    program = tl.program_id(0)
    if LONG:
        program = program.to(tl.int64)
    item = program * BLOCK + tl.arange(0, BLOCK)
    inside = item < total
    x = tl.load(x_ptr + item, mask=inside, other=0.0).to(WIDE)
    if bias_ptr is not None:
        x += tl.load(bias_ptr + (item // inner) % channels, mask=inside, other=0.0).to(WIDE)
    y = tl.where(x > 0, x, x * SLOPE) * GAIN
    if CLAMP > 0:
        y = tl.where(y > CLAMP, CLAMP, y)
        y = tl.where(y < -CLAMP, -CLAMP, y)
    tl.store(out_ptr + item, y, mask=inside)


@triton.jit
def _pull(
    grad_ptr, y_ptr, out_ptr, total,
    SLOPE: tl.constexpr, GAIN: tl.constexpr, CLAMP: tl.constexpr, WIDE: tl.constexpr, LONG: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """One program maps BLOCK items of grad, y and out, (total,)."""
    program = tl.program_id(0)
    if LONG:
        program = program.to(tl.int64)
    item = program * BLOCK + tl.arange(0, BLOCK)
    inside = item < total
    grad = tl.load(grad_ptr + item, mask=inside, other=0.0).to(WIDE) * GAIN
    y = tl.load(y_ptr + item, mask=inside, other=0.0).to(WIDE)
    grad = tl.where(y > 0, grad, grad * SLOPE)
    if CLAMP > 0:
        grad = tl.where((y < CLAMP) & (y > -CLAMP), grad, 0.0)
    tl.store(out_ptr + item, grad, mask=inside)
