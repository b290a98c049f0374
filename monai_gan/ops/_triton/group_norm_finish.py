"""The end of the reductions of ``group_norm_act``: one program per group adds the partial sums in a fixed order.

Partial sums are (sums, N, C, chunks), taken in tiles (GROUP, CHUNKS) that cover the channels of a group; ``rows`` is
N C.
"""

from __future__ import annotations

import triton
import triton.language as tl

from monai_gan.ops._triton.group_norm_math import scalar
from monai_gan.ops._triton.group_norm_tiles import group_start, members, per_channel


@triton.jit
def row_sums(partial_ptr, which, rows, row, inside, chunks, CHUNKS: tl.constexpr, CHUNK_STEPS: tl.constexpr):
    """Sums over the chunks of (sums, N, C, chunks), one per row."""
    total = tl.zeros([row.shape[0], CHUNKS], dtype=partial_ptr.dtype.element_ty)
    for step in range(CHUNK_STEPS):
        chunk = (step * CHUNKS + tl.arange(0, CHUNKS))[None, :]
        place = (row + which * rows)[:, None] * chunks + chunk
        total += tl.load(partial_ptr + place, mask=inside[:, None] & (chunk < chunks), other=0.0)
    return tl.sum(total, axis=1)


@triton.jit
def forward(
    x_ptr,
    partial_ptr,
    mean_ptr,
    rstd_ptr,
    eps: tl.float64,
    count: tl.float64,
    rows: tl.int64,
    channels,
    positions,
    groups,
    group_channels,
    chunks,
    SPAN: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    GROUP: tl.constexpr,
    CHUNKS: tl.constexpr,
    CHUNK_STEPS: tl.constexpr,
):
    """mean and rstd of one group from means and sums of squares of its channels' chunks of SPAN positions.

    The means are relative to the first element of the group in x.
    """
    ACC: tl.constexpr = partial_ptr.dtype.element_ty
    group = tl.program_id(0).to(tl.int64)
    local = tl.arange(0, GROUP)
    row = (group * group_channels + local)[:, None]
    size = scalar(count, ACC)
    weighted = tl.zeros([GROUP, CHUNKS], dtype=ACC)
    for step in range(CHUNK_STEPS):
        chunk = (step * CHUNKS + tl.arange(0, CHUNKS))[None, :]
        inside = (local < group_channels)[:, None] & (chunk < chunks)
        part = tl.minimum(positions - chunk.to(tl.int64) * SPAN, SPAN).to(ACC)
        weighted += part * tl.load(partial_ptr + row * chunks + chunk, mask=inside, other=0.0)
    mean = tl.sum(tl.sum(weighted, axis=1), axis=0) / size
    square = tl.zeros([GROUP, CHUNKS], dtype=ACC)
    for step in range(CHUNK_STEPS):
        chunk = (step * CHUNKS + tl.arange(0, CHUNKS))[None, :]
        inside = (local < group_channels)[:, None] & (chunk < chunks)
        part = tl.minimum(positions - chunk.to(tl.int64) * SPAN, SPAN).to(ACC)
        rest = tl.load(partial_ptr + row * chunks + chunk, mask=inside, other=0.0) - mean
        square += tl.load(partial_ptr + (rows + row) * chunks + chunk, mask=inside, other=0.0)
        square += tl.where(inside, part * rest * rest, 0.0)
    variance = tl.sum(tl.sum(square, axis=1), axis=0) / size
    first = group_start(group // groups, group % groups, channels, positions, group_channels, CHANNELS_LAST)
    tl.store(mean_ptr + group, tl.load(x_ptr + first).to(ACC) + mean)
    tl.store(rstd_ptr + group, tl.rsqrt(variance + scalar(eps, ACC)))


@triton.jit
def backward(
    partial_ptr,
    weight_ptr,
    means_ptr,
    sums_ptr,
    count: tl.float64,
    rows: tl.int64,
    groups,
    group_channels,
    chunks,
    GROUP: tl.constexpr,
    CHUNKS: tl.constexpr,
    CHUNK_STEPS: tl.constexpr,
):
    """Means a and b of one group, (2, N, groups), and sums of gy h and of gy, (2, N, C), unless sums_ptr is None."""
    ACC: tl.constexpr = partial_ptr.dtype.element_ty
    group = tl.program_id(0).to(tl.int64)
    stride = rows // group_channels
    row, c, inside = members(group, groups, group_channels, GROUP)
    sum_gyh = row_sums(partial_ptr, 0, rows, row, inside, chunks, CHUNKS, CHUNK_STEPS)
    sum_gy = row_sums(partial_ptr, 1, rows, row, inside, chunks, CHUNKS, CHUNK_STEPS)
    gain = per_channel(weight_ptr, c, inside, 1.0, ACC)
    size = scalar(count, ACC)
    tl.store(means_ptr + group, tl.sum(gain * sum_gy, axis=0) / size)
    tl.store(means_ptr + stride + group, tl.sum(gain * sum_gyh, axis=0) / size)
    if sums_ptr is not None:
        tl.store(sums_ptr + row, sum_gyh, mask=inside)
        tl.store(sums_ptr + rows + row, sum_gy, mask=inside)


@triton.jit
def double_backward(
    partial_ptr,
    p_ptr,
    s_ptr,
    rstd_ptr,
    weight_ptr,
    means_ptr,
    sums_ptr,
    count: tl.float64,
    rows: tl.int64,
    groups,
    group_channels,
    chunks,
    SMOOTH: tl.constexpr,
    GROUP: tl.constexpr,
    CHUNKS: tl.constexpr,
    CHUNK_STEPS: tl.constexpr,
):
    """Means a, b, c, d, k, mean(R), mean(R h), (7, N, groups), and summands of cot_weight and cot_bias, (2, N, C).

    T = g r (w v - c w - d w h) + p w h + s w is linear in c and d, so that its sums follow from the partial sums.
    """
    ACC: tl.constexpr = partial_ptr.dtype.element_ty
    group = tl.program_id(0).to(tl.int64)
    stride = rows // group_channels
    row, channel, inside = members(group, groups, group_channels, GROUP)
    gain = per_channel(weight_ptr, channel, inside, 1.0, ACC)
    p = per_channel(p_ptr, channel, inside, 0.0, ACC)
    s = per_channel(s_ptr, channel, inside, 0.0, ACC)
    rstd = tl.load(rstd_ptr + group)
    size = scalar(count, ACC)
    gyh = row_sums(partial_ptr, 0, rows, row, inside, chunks, CHUNKS, CHUNK_STEPS)
    gy = row_sums(partial_ptr, 1, rows, row, inside, chunks, CHUNKS, CHUNK_STEPS)
    c = tl.sum(row_sums(partial_ptr, 2, rows, row, inside, chunks, CHUNKS, CHUNK_STEPS), axis=0) / size
    d = tl.sum(row_sums(partial_ptr, 3, rows, row, inside, chunks, CHUNKS, CHUNK_STEPS), axis=0) / size
    gyp = row_sums(partial_ptr, 4, rows, row, inside, chunks, CHUNKS, CHUNK_STEPS) - c * gy - d * gyh
    to_weight = rstd * gyp
    to_bias = tl.zeros_like(gyp)
    r = p * gy
    rh = p * gyh
    if SMOOTH:
        w = row_sums(partial_ptr, 5, rows, row, inside, chunks, CHUNKS, CHUNK_STEPS)
        wh = row_sums(partial_ptr, 6, rows, row, inside, chunks, CHUNKS, CHUNK_STEPS)
        whh = row_sums(partial_ptr, 7, rows, row, inside, chunks, CHUNKS, CHUNK_STEPS)
        wv = row_sums(partial_ptr, 8, rows, row, inside, chunks, CHUNKS, CHUNK_STEPS)
        wvh = row_sums(partial_ptr, 9, rows, row, inside, chunks, CHUNKS, CHUNK_STEPS)
        t = gain * rstd * (wv - c * w - d * wh) + p * wh + s * w
        th = gain * rstd * (wvh - c * wh - d * whh) + p * whh + s * wh
        to_weight += th
        to_bias += t
        r += gain * t
        rh += gain * th
    tl.store(means_ptr + group, tl.sum(gain * gy, axis=0) / size)
    tl.store(means_ptr + stride + group, tl.sum(gain * gyh, axis=0) / size)
    tl.store(means_ptr + 2 * stride + group, c)
    tl.store(means_ptr + 3 * stride + group, d)
    tl.store(means_ptr + 4 * stride + group, tl.sum(gain * gyp, axis=0) / size)
    tl.store(means_ptr + 5 * stride + group, tl.sum(r, axis=0) / size)
    tl.store(means_ptr + 6 * stride + group, tl.sum(rh, axis=0) / size)
    tl.store(sums_ptr + row, to_weight, mask=inside)
    tl.store(sums_ptr + rows + row, to_bias, mask=inside)
