"""Kernels of ``group_norm_act`` for groups that fit the registers of one program: every operand is read once.

A program owns OWNED channels, whole groups, of one sample: a tile (CHANNELS, POSITIONS) that covers them and
all positions. Full-size operands are (N, C, *S), channels-last in memory if CHANNELS_LAST; statistics are (N, groups);
parameters are (C,) or None; sums per sample and channel are (N, C), stacked.
"""

from __future__ import annotations

import triton
import triton.language as tl

from monai_gan.ops._triton.group_norm_math import (
    activated,
    cotangents,
    factors,
    first_derivative,
    scalar,
    second_derivative,
)
from monai_gan.ops._triton.group_norm_tiles import group_index, offsets, per_channel


@triton.jit
def _place(blocks, channels, positions, OWNED: tl.constexpr, CHANNELS: tl.constexpr, POSITIONS: tl.constexpr):
    """Sample, channels and positions of the tile, and which of them exist."""
    program = tl.program_id(0)
    n = (program // blocks).to(tl.int64)
    local = tl.arange(0, CHANNELS)
    c = program % blocks * OWNED + local
    i = tl.arange(0, POSITIONS)
    inside_c = (local < OWNED) & (c < channels)
    return n, c, i, inside_c, inside_c[:, None] & (i < positions)[None, :]


@triton.jit
def _group_sum(rows, group_channels, ONE_GROUP: tl.constexpr):
    """Sums of ``rows`` (CHANNELS,) over the channels of a group, for each channel."""
    if ONE_GROUP:
        sums = tl.zeros_like(rows) + tl.sum(rows, axis=0)
    else:
        # Selected, not multiplied by zero: a NaN stays in its own group.
        group = tl.arange(0, rows.shape[0]) // group_channels
        sums = tl.sum(tl.where(group[:, None] == group[None, :], rows[None, :], 0.0), axis=1)
    return sums


@triton.jit
def forward(
    x_ptr,
    weight_ptr,
    bias_ptr,
    y_ptr,
    mean_ptr,
    rstd_ptr,
    eps: tl.float64,
    count: tl.float64,
    channels,
    positions,
    groups,
    group_channels,
    blocks,
    SMOOTH: tl.constexpr,
    SLOPE: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    ONE_GROUP: tl.constexpr,
    OWNED: tl.constexpr,
    CHANNELS: tl.constexpr,
    POSITIONS: tl.constexpr,
):
    """y, mean and rstd. The variance is that of the centred values, with the mean's rounding error taken out."""
    ACC: tl.constexpr = mean_ptr.dtype.element_ty
    n, c, i, inside_c, inside = _place(blocks, channels, positions, OWNED, CHANNELS, POSITIONS)
    place = offsets(n, c, i, channels, positions, CHANNELS_LAST)
    size = scalar(count, ACC)
    x = tl.load(x_ptr + place, mask=inside, other=0.0).to(ACC)
    mean = _group_sum(tl.sum(x, axis=1), group_channels, ONE_GROUP) / size
    centred = tl.where(inside, x - mean[:, None], 0.0)
    rest = _group_sum(tl.sum(centred, axis=1), group_channels, ONE_GROUP) / size
    square = _group_sum(tl.sum(centred * centred, axis=1), group_channels, ONE_GROUP) / size
    rstd = tl.rsqrt(square - rest * rest + scalar(eps, ACC))
    gain = per_channel(weight_ptr, c, inside_c, 1.0, ACC)
    shift = per_channel(bias_ptr, c, inside_c, 0.0, ACC)
    y = gain[:, None] * ((centred - rest[:, None]) * rstd[:, None]) + shift[:, None]
    tl.store(y_ptr + place, activated(y, SMOOTH, SLOPE), mask=inside)
    first = inside_c & (c % group_channels == 0)
    group = group_index(n, c, groups, group_channels)
    tl.store(mean_ptr + group, mean + rest, mask=first)
    tl.store(rstd_ptr + group, rstd, mask=first)


@triton.jit
def backward(
    grad_ptr,
    x_ptr,
    mean_ptr,
    rstd_ptr,
    weight_ptr,
    bias_ptr,
    out_ptr,
    sums_ptr,
    count: tl.float64,
    rows: tl.int64,
    channels,
    positions,
    groups,
    group_channels,
    blocks,
    SMOOTH: tl.constexpr,
    SLOPE: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    ONE_GROUP: tl.constexpr,
    OWNED: tl.constexpr,
    CHANNELS: tl.constexpr,
    POSITIONS: tl.constexpr,
):
    """grad_x, and sums of gy h and of gy, (2, N, C), unless sums_ptr is None."""
    ACC: tl.constexpr = mean_ptr.dtype.element_ty
    n, c, i, inside_c, inside = _place(blocks, channels, positions, OWNED, CHANNELS, POSITIONS)
    place = offsets(n, c, i, channels, positions, CHANNELS_LAST)
    x = tl.load(x_ptr + place, mask=inside, other=0.0).to(ACC)
    grad = tl.load(grad_ptr + place, mask=inside, other=0.0).to(ACC)
    group = group_index(n, c, groups, group_channels)
    mean = tl.load(mean_ptr + group, mask=inside_c, other=0.0)[:, None]
    rstd = tl.load(rstd_ptr + group, mask=inside_c, other=0.0)[:, None]
    gains = per_channel(weight_ptr, c, inside_c, 1.0, ACC)
    gain = gains[:, None]
    shift = per_channel(bias_ptr, c, inside_c, 0.0, ACC)[:, None]
    h = (x - mean) * rstd
    gy = grad * first_derivative(gain * h + shift, SMOOTH, SLOPE)
    sum_gy = tl.sum(gy, axis=1)
    sum_gyh = tl.sum(gy * h, axis=1)
    size = scalar(count, ACC)
    a = _group_sum(gains * sum_gy, group_channels, ONE_GROUP) / size
    b = _group_sum(gains * sum_gyh, group_channels, ONE_GROUP) / size
    tl.store(out_ptr + place, rstd * (gain * gy - a[:, None] - b[:, None] * h), mask=inside)
    if sums_ptr is not None:
        tl.store(sums_ptr + n * channels + c, sum_gyh, mask=inside_c)
        tl.store(sums_ptr + rows + n * channels + c, sum_gy, mask=inside_c)


@triton.jit
def double_backward(
    v_ptr,
    p_ptr,
    s_ptr,
    grad_ptr,
    x_ptr,
    mean_ptr,
    rstd_ptr,
    weight_ptr,
    bias_ptr,
    cot_grad_ptr,
    cot_x_ptr,
    sums_ptr,
    count: tl.float64,
    rows: tl.int64,
    channels,
    positions,
    groups,
    group_channels,
    blocks,
    SMOOTH: tl.constexpr,
    SLOPE: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    ONE_GROUP: tl.constexpr,
    OWNED: tl.constexpr,
    CHANNELS: tl.constexpr,
    POSITIONS: tl.constexpr,
):
    """cot_grad, cot_x, and the summands of cot_weight and cot_bias, (2, N, C)."""
    ACC: tl.constexpr = mean_ptr.dtype.element_ty
    n, c, i, inside_c, inside = _place(blocks, channels, positions, OWNED, CHANNELS, POSITIONS)
    place = offsets(n, c, i, channels, positions, CHANNELS_LAST)
    x = tl.load(x_ptr + place, mask=inside, other=0.0).to(ACC)
    grad = tl.load(grad_ptr + place, mask=inside, other=0.0).to(ACC)
    v = tl.load(v_ptr + place, mask=inside, other=0.0).to(ACC)
    group = group_index(n, c, groups, group_channels)
    mean = tl.load(mean_ptr + group, mask=inside_c, other=0.0)[:, None]
    rstds = tl.load(rstd_ptr + group, mask=inside_c, other=0.0)
    gains = per_channel(weight_ptr, c, inside_c, 1.0, ACC)
    rstd, gain = rstds[:, None], gains[:, None]
    shift = per_channel(bias_ptr, c, inside_c, 0.0, ACC)[:, None]
    p = per_channel(p_ptr, c, inside_c, 0.0, ACC)
    s = per_channel(s_ptr, c, inside_c, 0.0, ACC)[:, None]
    size = scalar(count, ACC)

    # Outside the tensor grad and v are zero, and so is every summand.
    h = (x - mean) * rstd
    y = gain * h + shift
    gy = grad * first_derivative(y, SMOOTH, SLOPE)
    sum_gy = tl.sum(gy, axis=1)
    sum_gyh = tl.sum(gy * h, axis=1)
    a = _group_sum(gains * sum_gy, group_channels, ONE_GROUP) / size
    b = _group_sum(gains * sum_gyh, group_channels, ONE_GROUP) / size
    mean_v = _group_sum(tl.sum(v, axis=1), group_channels, ONE_GROUP) / size
    mean_vh = _group_sum(tl.sum(v * h, axis=1), group_channels, ONE_GROUP) / size
    projected = v - mean_v[:, None] - mean_vh[:, None] * h
    sum_gyp = tl.sum(gy * projected, axis=1)
    k = _group_sum(gains * sum_gyp, group_channels, ONE_GROUP) / size

    to_weight = rstds * sum_gyp
    to_bias = tl.zeros_like(sum_gyp)
    sum_r = p * sum_gy
    sum_rh = p * sum_gyh
    if SMOOTH:
        t = (gain * rstd * projected + p[:, None] * h + s) * grad * second_derivative(y)
        to_bias = tl.sum(t, axis=1)
        sum_th = tl.sum(t * h, axis=1)
        to_weight += sum_th
        sum_r += gains * to_bias
        sum_rh += gains * sum_th
    mean_r = _group_sum(sum_r, group_channels, ONE_GROUP) / size
    mean_rh = _group_sum(sum_rh, group_channels, ONE_GROUP) / size
    u_h, x_v, x_gy, x_h, x_1 = factors(gains, rstds, p, a, b, mean_v, mean_vh, k, mean_r, mean_rh)
    cot_grad, cot_x = cotangents(
        v,
        grad,
        h,
        gain,
        shift,
        rstd,
        s,
        mean_v[:, None],
        u_h[:, None],
        x_v[:, None],
        x_gy[:, None],
        x_h[:, None],
        x_1[:, None],
        SMOOTH,
        SLOPE,
    )
    tl.store(cot_grad_ptr + place, cot_grad, mask=inside)
    tl.store(cot_x_ptr + place, cot_x, mask=inside)
    tl.store(sums_ptr + n * channels + c, to_weight, mask=inside_c)
    tl.store(sums_ptr + rows + n * channels + c, to_bias, mask=inside_c)
