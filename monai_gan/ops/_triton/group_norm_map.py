"""Maps of ``group_norm_act`` where a group is shared among programs: one tile (CHANNELS, POSITIONS) per program.

Full-size operands are (N, C, *S), channels-last in memory if CHANNELS_LAST; statistics are (N, groups); parameters are
(C,) or None; ``group_rows`` is N groups.
"""

from __future__ import annotations

import triton
import triton.language as tl

from monai_gan.ops._triton.group_norm_math import activated, cotangents, factors, first_derivative
from monai_gan.ops._triton.group_norm_tiles import group_index, offsets, part, per_channel


@triton.jit
def _from_the_end():
    """Number of the program, last first: a map starts with what the reduction has read last and left in the cache."""
    return tl.num_programs(0) - 1 - tl.program_id(0)


@triton.jit
def forward(
    x_ptr,
    mean_ptr,
    rstd_ptr,
    weight_ptr,
    bias_ptr,
    y_ptr,
    channels,
    positions,
    groups,
    group_channels,
    blocks,
    chunks,
    SMOOTH: tl.constexpr,
    SLOPE: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    CHANNELS: tl.constexpr,
    POSITIONS: tl.constexpr,
):
    """y."""
    ACC: tl.constexpr = mean_ptr.dtype.element_ty
    n, c, inside_c, start = part(_from_the_end(), blocks, chunks, channels, CHANNELS, POSITIONS)
    i = start + tl.arange(0, POSITIONS)
    inside = inside_c[:, None] & (i < positions)[None, :]
    place = offsets(n, c, i, channels, positions, CHANNELS_LAST)
    x = tl.load(x_ptr + place, mask=inside, other=0.0).to(ACC)
    group = group_index(n, c, groups, group_channels)
    mean = tl.load(mean_ptr + group, mask=inside_c, other=0.0)[:, None]
    rstd = tl.load(rstd_ptr + group, mask=inside_c, other=0.0)[:, None]
    gain = per_channel(weight_ptr, c, inside_c, 1.0, ACC)[:, None]
    shift = per_channel(bias_ptr, c, inside_c, 0.0, ACC)[:, None]
    tl.store(y_ptr + place, activated(gain * ((x - mean) * rstd) + shift, SMOOTH, SLOPE), mask=inside)


@triton.jit
def backward(
    grad_ptr,
    x_ptr,
    mean_ptr,
    rstd_ptr,
    weight_ptr,
    bias_ptr,
    means_ptr,
    out_ptr,
    group_rows: tl.int64,
    channels,
    positions,
    groups,
    group_channels,
    blocks,
    chunks,
    SMOOTH: tl.constexpr,
    SLOPE: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    CHANNELS: tl.constexpr,
    POSITIONS: tl.constexpr,
):
    """grad_x. means: a and b, (2, N, groups); group_rows is N groups."""
    ACC: tl.constexpr = mean_ptr.dtype.element_ty
    n, c, inside_c, start = part(_from_the_end(), blocks, chunks, channels, CHANNELS, POSITIONS)
    i = start + tl.arange(0, POSITIONS)
    inside = inside_c[:, None] & (i < positions)[None, :]
    place = offsets(n, c, i, channels, positions, CHANNELS_LAST)
    x = tl.load(x_ptr + place, mask=inside, other=0.0).to(ACC)
    grad = tl.load(grad_ptr + place, mask=inside, other=0.0).to(ACC)
    group = group_index(n, c, groups, group_channels)
    mean = tl.load(mean_ptr + group, mask=inside_c, other=0.0)[:, None]
    rstd = tl.load(rstd_ptr + group, mask=inside_c, other=0.0)[:, None]
    a = tl.load(means_ptr + group, mask=inside_c, other=0.0)[:, None]
    b = tl.load(means_ptr + group_rows + group, mask=inside_c, other=0.0)[:, None]
    gain = per_channel(weight_ptr, c, inside_c, 1.0, ACC)[:, None]
    shift = per_channel(bias_ptr, c, inside_c, 0.0, ACC)[:, None]
    h = (x - mean) * rstd
    gy = grad * first_derivative(gain * h + shift, SMOOTH, SLOPE)
    tl.store(out_ptr + place, rstd * (gain * gy - a - b * h), mask=inside)


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
    means_ptr,
    cot_grad_ptr,
    cot_x_ptr,
    group_rows: tl.int64,
    channels,
    positions,
    groups,
    group_channels,
    blocks,
    chunks,
    SMOOTH: tl.constexpr,
    SLOPE: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    CHANNELS: tl.constexpr,
    POSITIONS: tl.constexpr,
):
    """cot_grad and cot_x. means: a, b, c, d, k, mean(R), mean(R h), (7, N, groups)."""
    ACC: tl.constexpr = mean_ptr.dtype.element_ty
    n, c, inside_c, start = part(_from_the_end(), blocks, chunks, channels, CHANNELS, POSITIONS)
    i = start + tl.arange(0, POSITIONS)
    inside = inside_c[:, None] & (i < positions)[None, :]
    place = offsets(n, c, i, channels, positions, CHANNELS_LAST)
    x = tl.load(x_ptr + place, mask=inside, other=0.0).to(ACC)
    grad = tl.load(grad_ptr + place, mask=inside, other=0.0).to(ACC)
    v = tl.load(v_ptr + place, mask=inside, other=0.0).to(ACC)
    group = group_index(n, c, groups, group_channels)
    mean = tl.load(mean_ptr + group, mask=inside_c, other=0.0)[:, None]
    rstd = tl.load(rstd_ptr + group, mask=inside_c, other=0.0)
    gain = per_channel(weight_ptr, c, inside_c, 1.0, ACC)
    shift = per_channel(bias_ptr, c, inside_c, 0.0, ACC)[:, None]
    p = per_channel(p_ptr, c, inside_c, 0.0, ACC)
    s = per_channel(s_ptr, c, inside_c, 0.0, ACC)[:, None]
    means_ptr += group
    mean_v = tl.load(means_ptr + 2 * group_rows, mask=inside_c, other=0.0)
    u_h, x_v, x_gy, x_h, x_1 = factors(
        gain,
        rstd,
        p,
        tl.load(means_ptr, mask=inside_c, other=0.0),
        tl.load(means_ptr + group_rows, mask=inside_c, other=0.0),
        mean_v,
        tl.load(means_ptr + 3 * group_rows, mask=inside_c, other=0.0),
        tl.load(means_ptr + 4 * group_rows, mask=inside_c, other=0.0),
        tl.load(means_ptr + 5 * group_rows, mask=inside_c, other=0.0),
        tl.load(means_ptr + 6 * group_rows, mask=inside_c, other=0.0),
    )
    cot_grad, cot_x = cotangents(
        v,
        grad,
        (x - mean) * rstd[:, None],
        gain[:, None],
        shift,
        rstd[:, None],
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
