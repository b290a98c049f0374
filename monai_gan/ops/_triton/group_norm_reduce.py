"""Reductions of ``group_norm_act`` where a group is shared among programs.

A program takes STEPS tiles (CHANNELS, POSITIONS) of one sample and writes partial sums per sample, channel and chunk of
positions, (sums, N, C, chunks); ``rows`` is N C. Full-size operands are (N, C, *S), channels-last in memory if
CHANNELS_LAST; statistics are (N, groups); parameters are (C,) or None.
"""

from __future__ import annotations

import triton
import triton.language as tl

from monai_gan.ops._triton.group_norm_math import first_derivative, second_derivative
from monai_gan.ops._triton.group_norm_tiles import group_index, group_start, offsets, part, per_channel


@triton.jit
def _store_partial(partial_ptr, which, rows, row, chunks, inside, value):
    """Write a value per channel to (sums, N, C, chunks)."""
    tl.store(partial_ptr + (row + which * rows) * chunks + tl.program_id(0) % chunks, value, mask=inside)


@triton.jit
def forward(
    x_ptr,
    partial_ptr,
    rows: tl.int64,
    channels,
    positions,
    group_channels,
    blocks,
    chunks,
    STEPS: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    CHANNELS: tl.constexpr,
    POSITIONS: tl.constexpr,
):
    """Mean, and sum of squares around it, of each channel's part in a chunk: (2, N, C, chunks).

    Each slot of the tile keeps a running mean (Welford 1962), and the slots are merged at the end (Chan et al. 1983).
    Values and means are relative to the first element of the group: a large mean would cost the digits of the variance.
    """
    ACC: tl.constexpr = partial_ptr.dtype.element_ty
    n, c, inside_c, start = part(tl.program_id(0), blocks, chunks, channels, CHANNELS, STEPS * POSITIONS)
    first = group_start(n, c // group_channels, channels, positions, group_channels, CHANNELS_LAST)
    pilot = tl.load(x_ptr + first, mask=inside_c, other=0.0).to(ACC)[:, None]
    means = tl.zeros([CHANNELS, POSITIONS], dtype=ACC)
    squares = tl.zeros([CHANNELS, POSITIONS], dtype=ACC)
    for step in tl.range(0, STEPS, loop_unroll_factor=2):
        i = start + step * POSITIONS + tl.arange(0, POSITIONS)
        inside_i = (i < positions)[None, :]
        place = offsets(n, c, i, channels, positions, CHANNELS_LAST)
        x = tl.load(x_ptr + place, mask=inside_c[:, None] & inside_i, other=0.0).to(ACC)
        change = tl.where(inside_i, x - pilot - means, 0.0)
        means += change / (step + 1)
        squares += change * (x - pilot - means)
    rest = tl.maximum(positions - start - tl.arange(0, POSITIONS), 0)
    seen = tl.minimum((rest + (POSITIONS - 1)) // POSITIONS, STEPS).to(ACC)[None, :]
    size = tl.sum(seen, axis=1)
    mean = tl.sum(means * seen, axis=1) / size
    rest = means - mean[:, None]
    # The mean's rounding error, which the values around it tell.
    error = tl.sum(rest * seen, axis=1) / size
    square = tl.sum(squares + seen * rest * rest, axis=1) - size * error * error
    _store_partial(partial_ptr, 0, rows, n * channels + c, chunks, inside_c, mean + error)
    _store_partial(partial_ptr, 1, rows, n * channels + c, chunks, inside_c, square)


@triton.jit
def backward(
    grad_ptr,
    x_ptr,
    mean_ptr,
    rstd_ptr,
    weight_ptr,
    bias_ptr,
    partial_ptr,
    rows: tl.int64,
    channels,
    positions,
    groups,
    group_channels,
    blocks,
    chunks,
    SMOOTH: tl.constexpr,
    SLOPE: tl.constexpr,
    STEPS: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    CHANNELS: tl.constexpr,
    POSITIONS: tl.constexpr,
):
    """Sums of gy h and of gy: (2, N, C, chunks)."""
    ACC: tl.constexpr = mean_ptr.dtype.element_ty
    n, c, inside_c, start = part(tl.program_id(0), blocks, chunks, channels, CHANNELS, STEPS * POSITIONS)
    group = group_index(n, c, groups, group_channels)
    mean = tl.load(mean_ptr + group, mask=inside_c, other=0.0)[:, None]
    rstd = tl.load(rstd_ptr + group, mask=inside_c, other=0.0)[:, None]
    gain = per_channel(weight_ptr, c, inside_c, 1.0, ACC)[:, None]
    shift = per_channel(bias_ptr, c, inside_c, 0.0, ACC)[:, None]
    sum_gyh = tl.zeros([CHANNELS, POSITIONS], dtype=ACC)
    sum_gy = tl.zeros([CHANNELS, POSITIONS], dtype=ACC)
    for step in tl.range(0, STEPS, loop_unroll_factor=2):
        i = start + step * POSITIONS + tl.arange(0, POSITIONS)
        inside = inside_c[:, None] & (i < positions)[None, :]
        place = offsets(n, c, i, channels, positions, CHANNELS_LAST)
        h = (tl.load(x_ptr + place, mask=inside, other=0.0).to(ACC) - mean) * rstd
        grad = tl.load(grad_ptr + place, mask=inside, other=0.0).to(ACC)
        gy = grad * first_derivative(gain * h + shift, SMOOTH, SLOPE)
        sum_gyh += gy * h
        sum_gy += gy
    row = n * channels + c
    _store_partial(partial_ptr, 0, rows, row, chunks, inside_c, tl.sum(sum_gyh, axis=1))
    _store_partial(partial_ptr, 1, rows, row, chunks, inside_c, tl.sum(sum_gy, axis=1))


@triton.jit
def double_backward(
    v_ptr,
    grad_ptr,
    x_ptr,
    mean_ptr,
    rstd_ptr,
    weight_ptr,
    bias_ptr,
    partial_ptr,
    rows: tl.int64,
    channels,
    positions,
    groups,
    group_channels,
    blocks,
    chunks,
    SMOOTH: tl.constexpr,
    SLOPE: tl.constexpr,
    STEPS: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    CHANNELS: tl.constexpr,
    POSITIONS: tl.constexpr,
):
    """Sums of gy h, gy, v, v h, v gy and, if SMOOTH, with w = grad phi''(y), of w, w h, w h h, w v, w v h."""
    ACC: tl.constexpr = mean_ptr.dtype.element_ty
    n, c, inside_c, start = part(tl.program_id(0), blocks, chunks, channels, CHANNELS, STEPS * POSITIONS)
    group = group_index(n, c, groups, group_channels)
    mean = tl.load(mean_ptr + group, mask=inside_c, other=0.0)[:, None]
    rstd = tl.load(rstd_ptr + group, mask=inside_c, other=0.0)[:, None]
    gain = per_channel(weight_ptr, c, inside_c, 1.0, ACC)[:, None]
    shift = per_channel(bias_ptr, c, inside_c, 0.0, ACC)[:, None]
    zeros = tl.zeros([CHANNELS, POSITIONS], dtype=ACC)
    sum_gyh, sum_gy, sum_v, sum_vh, sum_vgy = zeros, zeros, zeros, zeros, zeros
    sum_w, sum_wh, sum_whh, sum_wv, sum_wvh = zeros, zeros, zeros, zeros, zeros
    for step in tl.range(0, STEPS, loop_unroll_factor=2):
        i = start + step * POSITIONS + tl.arange(0, POSITIONS)
        inside = inside_c[:, None] & (i < positions)[None, :]
        place = offsets(n, c, i, channels, positions, CHANNELS_LAST)
        h = (tl.load(x_ptr + place, mask=inside, other=0.0).to(ACC) - mean) * rstd
        grad = tl.load(grad_ptr + place, mask=inside, other=0.0).to(ACC)
        v = tl.load(v_ptr + place, mask=inside, other=0.0).to(ACC)
        y = gain * h + shift
        gy = grad * first_derivative(y, SMOOTH, SLOPE)
        sum_gyh += gy * h
        sum_gy += gy
        sum_v += v
        sum_vh += v * h
        sum_vgy += v * gy
        if SMOOTH:
            w = grad * second_derivative(y)
            sum_w += w
            sum_wh += w * h
            sum_whh += w * h * h
            sum_wv += w * v
            sum_wvh += w * h * v
    row = n * channels + c
    _store_partial(partial_ptr, 0, rows, row, chunks, inside_c, tl.sum(sum_gyh, axis=1))
    _store_partial(partial_ptr, 1, rows, row, chunks, inside_c, tl.sum(sum_gy, axis=1))
    _store_partial(partial_ptr, 2, rows, row, chunks, inside_c, tl.sum(sum_v, axis=1))
    _store_partial(partial_ptr, 3, rows, row, chunks, inside_c, tl.sum(sum_vh, axis=1))
    _store_partial(partial_ptr, 4, rows, row, chunks, inside_c, tl.sum(sum_vgy, axis=1))
    if SMOOTH:
        _store_partial(partial_ptr, 5, rows, row, chunks, inside_c, tl.sum(sum_w, axis=1))
        _store_partial(partial_ptr, 6, rows, row, chunks, inside_c, tl.sum(sum_wh, axis=1))
        _store_partial(partial_ptr, 7, rows, row, chunks, inside_c, tl.sum(sum_whh, axis=1))
        _store_partial(partial_ptr, 8, rows, row, chunks, inside_c, tl.sum(sum_wv, axis=1))
        _store_partial(partial_ptr, 9, rows, row, chunks, inside_c, tl.sum(sum_wvh, axis=1))
