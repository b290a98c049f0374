"""Which elements a program of ``group_norm_act`` owns, and where they lie.

Sample indices and offsets are int64; channel indices are int32, because 64-bit divisions are slow.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def part(program, blocks, chunks, channels, CHANNELS: tl.constexpr, SPAN: tl.constexpr):
    """Sample, channels, which of these exist, and first of the SPAN positions that a program owns."""
    block = program // chunks
    n = (block // blocks).to(tl.int64)
    c = block % blocks * CHANNELS + tl.arange(0, CHANNELS)
    return n, c, c < channels, (program % chunks).to(tl.int64) * SPAN


@triton.jit
def offsets(n, c, i, channels, positions, CHANNELS_LAST: tl.constexpr):
    """Offsets of the elements (n, c, i) of (N, C, *S), (channels, positions)."""
    row, column = c.to(tl.int64)[:, None], i.to(tl.int64)[None, :]
    place = row + column * channels if CHANNELS_LAST else row * positions + column
    return n * channels * positions + place


@triton.jit
def group_start(n, group, channels, positions, group_channels, CHANNELS_LAST: tl.constexpr):
    """Offset in (N, C, *S) of the first element of a group of sample n."""
    channel = group.to(tl.int64) * group_channels
    return n * channels * positions + (channel if CHANNELS_LAST else channel * positions)


@triton.jit
def group_index(n, c, groups, group_channels):
    """Index in (N, groups) of the group of channel c."""
    return n * groups + c // group_channels


@triton.jit
def members(group, groups, group_channels, GROUP: tl.constexpr):
    """Rows in (N, C), channels, and which of these exist, of one of the N groups."""
    local = tl.arange(0, GROUP)
    return group * group_channels + local, group % groups * group_channels + local, local < group_channels


@triton.jit
def per_channel(pointer, c, inside, DEFAULT: tl.constexpr, ACC: tl.constexpr):
    """A value for each of the channels c from (C,), or the same value for all without pointer."""
    if pointer is None:
        values = tl.full(c.shape, DEFAULT, dtype=ACC)
    else:
        values = tl.load(pointer + c, mask=inside, other=0.0).to(ACC)
    return values
