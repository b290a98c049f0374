"""How the work of ``group_norm_act`` is cut into programs: the route and the extents of the tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from monai_gan.ops._triton.launch import FILL, MULTIPROCESSORS, OPTIONS, ceil_div, lanes, power_of_2, steps_per_program

# Most elements of a tile that one program keeps in registers, by the number of operands that it reads. Half of that for
# second derivatives of the activation and for channels-last tiles, whose factors per channel take registers as well; a
# quarter in float64. At these limits ptxas counts, for sm_90, 64 registers per thread of 1024 for the forward pass, 128
# of 512 for the backward pass, 128 of 512 (SiLU: 221 of 256) for the double backward pass, and spills none but 32 bytes
# per thread in the forward pass in float32; with twice the elements it would spill up to 350.
ON_CHIP = {1: 32768, 2: 16384, 3: 8192}
_THREADS = 128  # of a program on the split route
_SECTOR = 32  # bytes that memory delivers at once
_LINE = 128  # bytes of a cache line
_MOST_MIXED = 64  # channels of a program with several groups, which compares all pairs of channels
_FINISH = 1024  # partial sums that a program adds in one step
_SMALL = 1024  # elements that are worth a program of their own


@dataclass(frozen=True)
class Shape:
    """What the kernels know of a tensor (N, C, *S) and its groups."""

    samples: int
    channels: int
    positions: int
    groups: int
    channels_last: bool
    dtype: torch.dtype

    @classmethod
    def of(cls, x: Tensor, groups: int) -> Shape:
        """Read it from a dense tensor."""
        samples, channels = x.shape[:2]
        positions = x.numel() // (samples * channels)
        return cls(samples, channels, positions, groups, not x.is_contiguous(), x.dtype)

    @property
    def group_channels(self) -> int:
        """Channels of a group."""
        return self.channels // self.groups

    @property
    def rows(self) -> int:
        """Channels of all samples."""
        return self.samples * self.channels

    @property
    def grouping(self) -> dict[str, int]:
        """Arguments of a kernel."""
        return {"groups": self.groups, "group_channels": self.group_channels}

    @property
    def count(self) -> int:
        """Elements of a group."""
        return self.group_channels * self.positions


@dataclass(frozen=True)
class Tile:
    """A grid of programs with tiles of one extent.

    Args:
        channels: extent of a tile.
        positions: extent of a tile.
        blocks: tiles that cover the channels of a sample.
        block_channels: channels that a tile owns.
        chunks: programs that share the positions.
        steps: tiles that a program takes in turn along the positions.
        warps: of a program.
    """

    channels: int
    positions: int
    blocks: int
    block_channels: int
    chunks: int
    steps: int
    warps: int

    def grid(self, shape: Shape) -> tuple[int]:
        """How many programs there are."""
        return (shape.samples * self.blocks * self.chunks,)

    def whole(self, shape: Shape) -> dict[str, Any]:
        """Arguments of a kernel whose programs own all positions of whole groups."""
        return {
            **self._common(shape),
            **shape.grouping,
            "OWNED": self.block_channels,
            "ONE_GROUP": self.block_channels == shape.group_channels,
        }

    def part(self, shape: Shape) -> dict[str, Any]:
        """Arguments of a kernel whose programs own a part of the positions."""
        return {**self._common(shape), "chunks": self.chunks}

    def _common(self, shape: Shape) -> dict[str, Any]:
        return {
            "channels": shape.channels,
            "positions": shape.positions,
            "blocks": self.blocks,
            "CHANNELS_LAST": shape.channels_last,
            "CHANNELS": self.channels,
            "POSITIONS": self.positions,
            "num_warps": self.warps,
            **OPTIONS,
        }


def on_chip(shape: Shape, operands: int, smooth: bool = False) -> Tile | None:
    """The tile with which every operand is read once, or None where groups are too large for that.

    This decides the route. Reading once beats reading twice even where one program fills a whole multiprocessor, and
    one launch beats three where there are few programs; so groups stay on chip whenever a tile fits the registers.

    Args:
        shape: of the operands.
        operands: full-size tensors that are read.
        smooth: whether second derivatives of the activation are needed.
    """
    double = shape.dtype == torch.float64
    budget = ON_CHIP[operands] // ((1 + shape.channels_last) * (1 + smooth) * (4 if double else 1))
    extent = power_of_2(shape.positions)
    taken = 1
    while taken < shape.groups and _shares(shape, 2 * taken):
        if power_of_2(2 * taken * shape.group_channels) * extent > budget:
            break
        taken *= 2
    taken = min(taken, shape.groups)
    owned = taken * shape.group_channels
    elements = power_of_2(owned) * extent
    torn = shape.channels_last and owned < min(shape.channels, _SECTOR // shape.dtype.itemsize)
    if torn or elements > budget:
        return None
    blocks = ceil_div(shape.groups, taken)
    warps = _warps(elements, shape.samples * blocks, 16 if operands == 3 or double else 32)
    return Tile(power_of_2(owned), extent, blocks, owned, 1, 1, warps)


def _shares(shape: Shape, taken: int) -> bool:
    """Whether ``taken`` groups belong into one program, if its registers hold them."""
    owned = taken * shape.group_channels
    programs = shape.samples * shape.groups // taken
    if owned > _MOST_MIXED:
        return False
    if shape.channels_last:
        # Neighbours in memory are channels: half the groups would tear sectors, or at least cache lines.
        half = owned // 2 * shape.dtype.itemsize
        return half < _SECTOR or (half < _LINE and programs >= MULTIPROCESSORS)
    return owned * shape.positions <= _SMALL and programs >= FILL


def _warps(elements: int, programs: int, per_thread: int) -> int:
    """Warps of a program: ``per_thread`` elements of each operand per thread, down to 8 where programs are few."""
    warps = max(1, elements // (32 * per_thread))
    while warps < 16 and 2 * warps * 32 * 8 <= elements and programs * warps < 16 * MULTIPROCESSORS:
        warps *= 2
    return warps


def for_reduction(shape: Shape, loads: int) -> Tile:
    """Programs that take several tiles each, with ``loads`` wide loads per thread, operand and tile.

    One load where there are two operands or more: the sums take a register for each of its elements as well.
    """
    return _split(shape, loads * lanes(shape.dtype), steps=True)


def for_map(shape: Shape) -> Tile:
    """Programs that take one tile each, 64 bytes per thread and operand: with less, launching programs would show."""
    return _split(shape, 64 // max(shape.dtype.itemsize, 4), steps=False)


def _split(shape: Shape, per_thread: int, steps: bool) -> Tile:
    size = _THREADS * per_thread
    if shape.channels_last:
        # Rows of a tile are cache lines; more channels where there are few positions.
        line = max(_LINE // shape.dtype.itemsize, size // power_of_2(shape.positions))
        channels = min(power_of_2(shape.channels), line)
        positions = min(size // channels, power_of_2(shape.positions))
    else:
        positions = min(size, power_of_2(shape.positions))
        channels = min(size // positions, power_of_2(shape.channels))
    blocks, tiles = ceil_div(shape.channels, channels), ceil_div(shape.positions, positions)
    taken = steps_per_program(shape.samples * blocks * tiles) if steps else 1
    return Tile(channels, positions, blocks, channels, ceil_div(tiles, taken), taken, _THREADS // 32)


def finish_tile(shape: Shape, chunks: int) -> dict[str, int]:
    """Arguments of a kernel that adds the partial sums of all channels of a group.

    The number of steps is a constant: the interpreter of some releases has no loops with variable bounds.
    """
    group = power_of_2(shape.group_channels)
    width = min(power_of_2(chunks), max(1, _FINISH // group))
    return {
        "group_channels": shape.group_channels,
        "chunks": chunks,
        "GROUP": group,
        "CHUNKS": width,
        "CHUNK_STEPS": ceil_div(chunks, width),
        **OPTIONS,
    }
