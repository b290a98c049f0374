"""The Triton kernels of structural similarity. Volumes are contiguous; maps (M, V, *S) follow each other.

A window has the weight top exp(narrow (n^2 - d^2)) at the distance d from its middle; ``top`` is its largest weight, at
the distance n, which is 0 or 1/2.
"""

from __future__ import annotations

import triton
import triton.language as tl

from monai_gan.ops._triton.group_norm_math import scalar


@triton.jit
def weight(tap, narrow, top, TAPS: tl.constexpr, ACC: tl.constexpr):
    """Of one tap. A uniform window has narrow = 0."""
    distance = scalar(0.0, ACC) + tap - 0.5 * (TAPS - 1)
    nearest: tl.constexpr = 0.25 * ((TAPS + 1) % 2)
    return scalar(top, ACC) * tl.exp(scalar(narrow, ACC) * (nearest - distance * distance))


@triton.jit
def moments(
    x_ptr,
    y_ptr,
    x_shift_ptr,
    y_shift_ptr,
    out_ptr,
    length,
    volume_length,
    inner,
    chunks,
    map_length,
    narrow: tl.float64,
    top: tl.float64,
    TAPS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Moments along the first axis, for BLOCK items of one volume.

    x, y: (V, volume_length). x_shift, y_shift: (V,). out: (5, V, length), maps map_length apart: x, y, xx, yy, xy.
    """
    ACC: tl.constexpr = out_ptr.dtype.element_ty
    program = tl.program_id(0)
    volume = (program // chunks).to(tl.int64)
    item = (program % chunks).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = item < length
    x_shift, y_shift = tl.load(x_shift_ptr + volume), tl.load(y_shift_ptr + volume)
    of_x, of_y = tl.zeros([BLOCK], dtype=ACC), tl.zeros([BLOCK], dtype=ACC)
    of_xx, of_yy, of_xy = tl.zeros([BLOCK], dtype=ACC), tl.zeros([BLOCK], dtype=ACC), tl.zeros([BLOCK], dtype=ACC)
    for tap in tl.range(0, TAPS):
        at = volume * volume_length + item + tap * inner
        x = tl.load(x_ptr + at, mask=inside, other=0.0).to(ACC) - x_shift
        y = tl.load(y_ptr + at, mask=inside, other=0.0).to(ACC) - y_shift
        w = weight(tap, narrow, top, TAPS, ACC)
        wx, wy = w * x, w * y
        of_x += wx
        of_y += wy
        of_xx += wx * x
        of_yy += wy * y
        of_xy += wx * y
    # From map to map: a multiple of the length of one could pass the range of 32 bits.
    to = out_ptr + volume * length + item
    tl.store(to, of_x, mask=inside)
    to += map_length
    tl.store(to, of_y, mask=inside)
    to += map_length
    tl.store(to, of_xx, mask=inside)
    to += map_length
    tl.store(to, of_yy, mask=inside)
    to += map_length
    tl.store(to, of_xy, mask=inside)


@triton.jit
def slide(
    in_ptr,
    out_ptr,
    total,
    in_length,
    out_length,
    inner,
    narrow: tl.float64,
    top: tl.float64,
    TAPS: tl.constexpr,
    LEAD: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Weighted sums along an axis of BLOCK items; windows begin LEAD indices earlier, among zeros.

    in: (total / out_length, in_length). out: (total / out_length, out_length), ``inner`` items per index of the axis.
    """
    ACC: tl.constexpr = out_ptr.dtype.element_ty
    item = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    outer = item // out_length
    sums = tl.zeros([BLOCK], dtype=ACC)
    for tap in tl.range(0, TAPS):
        place = item - outer * out_length + (tap - LEAD) * inner
        inside = (item < total) & (place >= 0) & (place < in_length)
        value = tl.load(in_ptr + outer * in_length + place, mask=inside, other=0.0)
        sums += weight(tap, narrow, top, TAPS, ACC) * value
    tl.store(out_ptr + item, sums, mask=item < total)


@triton.jit
def window(
    moments_ptr,
    x_shift_ptr,
    y_shift_ptr,
    volume,
    item,
    inside,
    width,
    windows_width,
    windows,
    map_length,
    c1,
    c2,
    narrow,
    top,
    TAPS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """What is known of the windows ``item`` (BLOCK,) of a volume, from their moments along the rows.

    Returns:
        Shifted means of x and y, means, 1 over the denominators of means and of variances, luminance, contrast.
    """
    ACC: tl.constexpr = moments_ptr.dtype.element_ty
    # Rows of `width` moments make rows of `windows_width` windows.
    row = item // windows_width
    at_x = moments_ptr + volume * (windows // windows_width) * width + item + row * (width - windows_width)
    at_y = at_x + map_length
    at_xx = at_y + map_length
    at_yy = at_xx + map_length
    at_xy = at_yy + map_length
    x, y = tl.zeros([BLOCK], dtype=ACC), tl.zeros([BLOCK], dtype=ACC)
    xx, yy, xy = tl.zeros([BLOCK], dtype=ACC), tl.zeros([BLOCK], dtype=ACC), tl.zeros([BLOCK], dtype=ACC)
    for tap in tl.range(0, TAPS):
        w = weight(tap, narrow, top, TAPS, ACC)
        x += w * tl.load(at_x + tap, mask=inside, other=0.0)
        y += w * tl.load(at_y + tap, mask=inside, other=0.0)
        xx += w * tl.load(at_xx + tap, mask=inside, other=0.0)
        yy += w * tl.load(at_yy + tap, mask=inside, other=0.0)
        xy += w * tl.load(at_xy + tap, mask=inside, other=0.0)
    mean_x, mean_y = x + tl.load(x_shift_ptr + volume), y + tl.load(y_shift_ptr + volume)
    c1, c2 = scalar(c1, ACC), scalar(c2, ACC)
    # Lanes without a window are 0 / 1, so that they make no warning.
    per_means = 1.0 / tl.where(inside, mean_x * mean_x + mean_y * mean_y + c1, 1.0)
    per_variances = 1.0 / tl.where(inside, (xx - x * x) + (yy - y * y) + c2, 1.0)
    luminance = tl.where(inside, 2.0 * mean_x * mean_y + c1, 0.0) * per_means
    contrast = tl.where(inside, 2.0 * (xy - x * y) + c2, 0.0) * per_variances
    return x, y, mean_x, mean_y, per_means, per_variances, luminance, contrast


@triton.jit
def similarity(
    moments_ptr,
    x_shift_ptr,
    y_shift_ptr,
    partial_ptr,
    width,
    windows_width,
    windows,
    chunks,
    map_length,
    c1: tl.float64,
    c2: tl.float64,
    narrow: tl.float64,
    top: tl.float64,
    TAPS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Sums of similarity and contrast over BLOCK windows of one volume.

    moments: (5, V, rows, width), maps map_length apart. x_shift, y_shift: (V,). partial: (2, V, chunks).
    """
    program = tl.program_id(0)
    volume = (program // chunks).to(tl.int64)
    item = (program % chunks).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = item < windows
    _, _, _, _, _, _, luminance, contrast = window(
        moments_ptr,
        x_shift_ptr,
        y_shift_ptr,
        volume,
        item,
        inside,
        width,
        windows_width,
        windows,
        map_length,
        c1,
        c2,
        narrow,
        top,
        TAPS,
        BLOCK,
    )
    tl.store(partial_ptr + program, tl.sum(luminance * contrast, axis=0))
    tl.store(partial_ptr + tl.num_programs(0) + program, tl.sum(contrast, axis=0))


@triton.jit
def slopes(
    moments_ptr,
    x_shift_ptr,
    y_shift_ptr,
    to_similarity_ptr,
    to_contrast_ptr,
    out_ptr,
    width,
    windows_width,
    windows,
    chunks,
    map_length,
    c1: tl.float64,
    c2: tl.float64,
    narrow: tl.float64,
    top: tl.float64,
    TAPS: tl.constexpr,
    BOTH: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Derivatives with respect to E[xx] (twice), E[xy], E[x], and E[y] if BOTH, of BLOCK windows of one volume.

    moments, x_shift, y_shift: as for ``similarity``. to_similarity, to_contrast: (V,). out: (3 or 4, V, windows).
    """
    ACC: tl.constexpr = out_ptr.dtype.element_ty
    program = tl.program_id(0)
    volume = (program // chunks).to(tl.int64)
    item = (program % chunks).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = item < windows
    x, y, mean_x, mean_y, per_means, per_variances, luminance, contrast = window(
        moments_ptr,
        x_shift_ptr,
        y_shift_ptr,
        volume,
        item,
        inside,
        width,
        windows_width,
        windows,
        map_length,
        c1,
        c2,
        narrow,
        top,
        TAPS,
        BLOCK,
    )
    to_similarity = tl.load(to_similarity_ptr + volume).to(ACC) / windows
    to_contrast = tl.load(to_contrast_ptr + volume).to(ACC) / windows
    of_xy = 2.0 * (to_similarity * luminance + to_contrast) * per_variances
    of_xx = -contrast * of_xy
    of_means = 2.0 * to_similarity * contrast * per_means
    out_map = (tl.num_programs(0) // chunks).to(tl.int64) * windows
    to = out_ptr + volume * windows + item
    tl.store(to, of_xx, mask=inside)
    tl.store(to + out_map, of_xy, mask=inside)
    tl.store(to + 2 * out_map, of_means * (mean_y - luminance * mean_x) - of_xx * x - of_xy * y, mask=inside)
    if BOTH:
        tl.store(to + 3 * out_map, of_means * (mean_x - luminance * mean_y) - of_xx * y - of_xy * x, mask=inside)


@triton.jit
def gradient(
    slopes_ptr,
    x_ptr,
    y_ptr,
    x_shift_ptr,
    y_shift_ptr,
    grad_x_ptr,
    grad_y_ptr,
    length,
    slopes_length,
    inner,
    chunks,
    map_length,
    narrow: tl.float64,
    top: tl.float64,
    TAPS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Gradients of BLOCK items of one volume: slopes along the first axis, times what their windows saw.

    slopes: (3 or 4, V, slopes_length), maps map_length apart. x, y, grad_x, grad_y (or None): (V, length).
    """
    ACC: tl.constexpr = slopes_ptr.dtype.element_ty
    program = tl.program_id(0)
    volume = (program // chunks).to(tl.int64)
    item = (program % chunks).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    of_same, of_other = tl.zeros([BLOCK], dtype=ACC), tl.zeros([BLOCK], dtype=ACC)
    of_x, of_y = tl.zeros([BLOCK], dtype=ACC), tl.zeros([BLOCK], dtype=ACC)
    for tap in tl.range(0, TAPS):
        place = item + (tap - (TAPS - 1)) * inner
        inside = (item < length) & (place >= 0) & (place < slopes_length)
        at = slopes_ptr + volume * slopes_length + place
        w = weight(tap, narrow, top, TAPS, ACC)
        of_same += w * tl.load(at, mask=inside, other=0.0)
        at += map_length
        of_other += w * tl.load(at, mask=inside, other=0.0)
        at += map_length
        of_x += w * tl.load(at, mask=inside, other=0.0)
        if grad_y_ptr is not None:
            of_y += w * tl.load(at + map_length, mask=inside, other=0.0)
    at = volume * length + item
    x = tl.load(x_ptr + at, mask=item < length, other=0.0).to(ACC) - tl.load(x_shift_ptr + volume)
    y = tl.load(y_ptr + at, mask=item < length, other=0.0).to(ACC) - tl.load(y_shift_ptr + volume)
    tl.store(grad_x_ptr + at, of_x + of_same * x + of_other * y, mask=item < length)
    if grad_y_ptr is not None:
        tl.store(grad_y_ptr + at, of_y + of_same * y + of_other * x, mask=item < length)
