"""The perceptual distance of one layer and its gradient in Triton; that of the weights in plain torch.

A program owns some positions of one sample with all their channels. Where these fit its registers, each feature is read
once; otherwise the second sweep over the channels reads them again, from the cache. Every program writes the sum of its
distances, and plain torch adds these in a fixed order, so that no result depends on the order in which programs run.
The formulas are in ``monai_gan.ops._torch.perceptual_distance``.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from monai_gan.ops._torch.perceptual_distance import weight_gradient
from monai_gan.ops._triton.group_norm_math import scalar
from monai_gan.ops._triton.group_norm_tiles import offsets, per_channel
from monai_gan.ops._triton.launch import ACCUMULATE, OPTIONS, SERVES, ceil_div, on_device, power_of_2

__all__ = ["SERVES", "backward", "forward", "weight_gradient"]

_WARPS = 8
_TILE = 16384  # bytes of each feature map, in the accumulation type, in the registers of a program: 64 per thread
_LEAST_POSITIONS, _MOST_POSITIONS = 8, 64  # of a program
_LITTLE = {torch.float32: 2.0**-70, torch.float64: 2.0**-540}  # the square of this times the largest number is in range


def forward(f: Tensor, target: Tensor, weight: Tensor | None, eps: float) -> tuple[Tensor, Tensor]:
    """The distance and the statistics; see ``_torch.perceptual_distance.forward``."""
    samples, channels, positions = len(f), f.shape[1], f[0, 0].numel()
    tile = _tile(f)
    chunks = ceil_div(positions, tile["POSITIONS"])
    statistics = torch.empty(5, samples, positions, dtype=ACCUMULATE[f.dtype], device=f.device)
    partial = statistics.new_empty(samples, chunks)
    with on_device(f):
        _distance[(samples * chunks,)](
            f,
            target,
            weight,
            statistics,
            partial,
            samples * positions,
            channels,
            positions,
            chunks,
            eps,
            LITTLE=_LITTLE[partial.dtype],
            **tile,
        )
    return partial.sum(1) / positions, statistics


def backward(
    grad: Tensor,
    f: Tensor,
    other: Tensor,
    reciprocal: Tensor,
    other_reciprocal: Tensor,
    along: Tensor,
    gap: Tensor,
    weight: Tensor | None,
) -> Tensor:
    """The gradient of the features; see ``_torch.perceptual_distance.backward``."""
    out = torch.empty_like(f)
    samples, channels, positions = len(f), f.shape[1], f[0, 0].numel()
    tile = _tile(f)
    chunks = ceil_div(positions, tile["POSITIONS"])
    with on_device(f):
        _gradient[(samples * chunks,)](
            grad,
            f,
            other,
            reciprocal,
            other_reciprocal,
            along,
            gap,
            weight,
            out,
            channels,
            positions,
            chunks,
            **tile,
        )
    return out


def _tile(f: Tensor) -> dict[str, Any]:
    """Channels that a program takes in one step, steps that make all of them, and positions."""
    numbers = _TILE // ACCUMULATE[f.dtype].itemsize
    channels = min(power_of_2(f.shape[1]), numbers // _LEAST_POSITIONS)
    positions = min(numbers // channels, _MOST_POSITIONS, power_of_2(f[0, 0].numel()))
    return {
        "STEPS": ceil_div(f.shape[1], channels),
        "CHANNELS_LAST": not f.is_contiguous(),
        "CHANNELS": channels,
        "POSITIONS": positions,
        "num_warps": _WARPS,
        **OPTIONS,
    }


@triton.jit
def _load(pointer, n, c, i, channels, positions, CHANNELS_LAST: tl.constexpr, ACC: tl.constexpr):
    """Features (n, c, i) of (N, C, positions); 0 beyond the last channel and position."""
    inside = (c < channels)[:, None] & (i < positions)[None, :]
    return tl.load(pointer + offsets(n, c, i, channels, positions, CHANNELS_LAST), mask=inside, other=0.0).to(ACC)


@triton.jit
def _squares(f, other, LITTLE: tl.constexpr):
    """Sums over channels of f^2, other^2 and their difference; then of the squares of f and other times LITTLE."""
    little_f, little_other = f * LITTLE, other * LITTLE
    return (
        tl.sum(f * f, axis=0),
        tl.sum(other * other, axis=0),
        tl.sum((other - f) * (other + f), axis=0),
        tl.sum(little_f * little_f, axis=0),
        tl.sum(little_other * little_other, axis=0),
    )


@triton.jit
def _huge(squares):
    """Whether a sum of squares has left the range of its type, or is NaN."""
    return squares * 0.0 != 0.0


@triton.jit
def _length(squares, little, LITTLE: tl.constexpr):
    return tl.where(_huge(squares), tl.sqrt(little) / LITTLE, tl.sqrt(squares))


@triton.jit
def _reciprocal(length, eps):
    return tl.where(length == 0.0, 0.0, 1.0 / (length + eps))


@triton.jit
def _statistics(squares, other_squares, apart, little, other_little, eps, LITTLE: tl.constexpr):
    """Lengths, their reciprocals, and the gap between these."""
    length, other_length = _length(squares, little, LITTLE), _length(other_squares, other_little, LITTLE)
    r, other_r = _reciprocal(length, eps), _reciprocal(other_length, eps)
    zero = (length == 0.0) | (other_length == 0.0)
    shorter = tl.where(
        _huge(squares + other_squares), other_length - length, apart / tl.where(zero, 1.0, length + other_length)
    )
    least, most = tl.where(r < other_r, r, other_r), tl.where(r < other_r, other_r, r)
    # In this order no product leaves the range of the type.
    return length, other_length, r, other_r, tl.where(zero, r - other_r, shorter * least * most)


@triton.jit
def _difference(f, other, r, other_r, gap):
    """d, with statistics (1, positions)."""
    of_f = tl.where(gap > 0.0, gap, 0.0)
    return (f - other) * tl.where(r < other_r, r, other_r) + f * of_f + other * (gap - of_f)


@triton.jit
def _differences(f, other, weight, r, other_r, gap):
    """Sums over channels of w d^2, w d f and w d other."""
    d = _difference(f, other, r[None, :], other_r[None, :], gap[None, :])
    weighted = weight[:, None] * d
    return tl.sum(weighted * d, axis=0), tl.sum(weighted * f, axis=0), tl.sum(weighted * other, axis=0)


@triton.jit
def _along(inner, r, length):
    return tl.where(length == 0.0, 0.0, inner * r / tl.where(length == 0.0, 1.0, length))


@triton.jit
def _distance(
    f_ptr,
    other_ptr,
    weight_ptr,
    statistics_ptr,
    partial_ptr,
    plane: tl.int64,
    channels,
    positions,
    chunks,
    eps: tl.float64,
    LITTLE: tl.constexpr,
    STEPS: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    CHANNELS: tl.constexpr,
    POSITIONS: tl.constexpr,
):
    """One program: statistics (5, N, positions) and partial sums (N, chunks) for POSITIONS positions of one sample.

    f, other: (N, C, positions). weight: (C,), or None for 1.
    """
    ACC: tl.constexpr = partial_ptr.dtype.element_ty
    program = tl.program_id(0)
    n = (program // chunks).to(tl.int64)
    i = program % chunks * POSITIONS + tl.arange(0, POSITIONS)
    c = tl.arange(0, CHANNELS)
    eps = scalar(eps, ACC)
    # Where one step takes all channels, the features of the first sweep are at hand in the second.
    f = _load(f_ptr, n, c, i, channels, positions, CHANNELS_LAST, ACC)
    other = _load(other_ptr, n, c, i, channels, positions, CHANNELS_LAST, ACC)
    squares, other_squares, apart, little, other_little = _squares(f, other, LITTLE)
    for step in range(1, STEPS):
        c = step * CHANNELS + tl.arange(0, CHANNELS)
        f = _load(f_ptr, n, c, i, channels, positions, CHANNELS_LAST, ACC)
        other = _load(other_ptr, n, c, i, channels, positions, CHANNELS_LAST, ACC)
        more_squares, more_other, more_apart, more_little, more_other_little = _squares(f, other, LITTLE)
        squares += more_squares
        other_squares += more_other
        apart += more_apart
        little += more_little
        other_little += more_other_little
    length, other_length, r, other_r, gap = _statistics(
        squares, other_squares, apart, little, other_little, eps, LITTLE
    )
    # Backwards: the last channels are still here.
    weight = per_channel(weight_ptr, c, c < channels, 1.0, ACC)
    distance, inner, other_inner = _differences(f, other, weight, r, other_r, gap)
    for step in range(1, STEPS):
        c = (STEPS - 1 - step) * CHANNELS + tl.arange(0, CHANNELS)
        f = _load(f_ptr, n, c, i, channels, positions, CHANNELS_LAST, ACC)
        other = _load(other_ptr, n, c, i, channels, positions, CHANNELS_LAST, ACC)
        weight = per_channel(weight_ptr, c, c < channels, 1.0, ACC)
        more_distance, more_inner, more_other_inner = _differences(f, other, weight, r, other_r, gap)
        distance += more_distance
        inner += more_inner
        other_inner += more_other_inner
    tl.store(partial_ptr + program, tl.sum(distance, axis=0))
    inside = i < positions
    place = statistics_ptr + n * positions + i
    tl.store(place, r, mask=inside)
    tl.store(place + plane, _along(inner, r, length), mask=inside)
    tl.store(place + 2 * plane, other_r, mask=inside)
    tl.store(place + 3 * plane, _along(-other_inner, other_r, other_length), mask=inside)
    tl.store(place + 4 * plane, gap, mask=inside)


@triton.jit
def _gradient(
    grad_ptr,
    f_ptr,
    other_ptr,
    reciprocal_ptr,
    other_reciprocal_ptr,
    along_ptr,
    gap_ptr,
    weight_ptr,
    out_ptr,
    channels,
    positions,
    chunks,
    STEPS: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    CHANNELS: tl.constexpr,
    POSITIONS: tl.constexpr,
):
    """One program: the gradient for POSITIONS positions of one sample.

    grad: (N,). f, other, out: (N, C, positions). The statistics: (N, positions). weight: (C,), or None for 1.
    """
    ACC: tl.constexpr = reciprocal_ptr.dtype.element_ty
    program = tl.program_id(0)
    n = (program // chunks).to(tl.int64)
    i = program % chunks * POSITIONS + tl.arange(0, POSITIONS)
    inside = i < positions
    place = n * positions + i
    r = tl.load(reciprocal_ptr + place, mask=inside, other=0.0)[None, :]
    other_r = tl.load(other_reciprocal_ptr + place, mask=inside, other=0.0)[None, :]
    along = tl.load(along_ptr + place, mask=inside, other=0.0)[None, :]
    gap = tl.load(gap_ptr + place, mask=inside, other=0.0)[None, :]
    factor = 2.0 * tl.load(grad_ptr + n).to(ACC) / positions * r
    for step in range(STEPS):
        c = step * CHANNELS + tl.arange(0, CHANNELS)
        f = _load(f_ptr, n, c, i, channels, positions, CHANNELS_LAST, ACC)
        other = _load(other_ptr, n, c, i, channels, positions, CHANNELS_LAST, ACC)
        weight = per_channel(weight_ptr, c, c < channels, 1.0, ACC)[:, None]
        gradient = factor * (weight * _difference(f, other, r, other_r, gap) - f * along)
        to = out_ptr + offsets(n, c, i, channels, positions, CHANNELS_LAST)
        tl.store(to, gradient, mask=(c < channels)[:, None] & inside[None, :])
