"""How an image size is reached: a small base grid that doubles a number of times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import NamedTuple

from torch import Tensor

MIN_BASE = 3
# A coarser stack than this has a projection that outweighs all its convolutions and never sees the image as a whole.
MAX_BASE = 15


class Resolution(NamedTuple):
    """An image size as ``base * 2 ** levels`` per axis.

    Attributes:
        image_size: pixels per axis, one entry per spatial dimension.
        base: pixels per axis of the coarsest grid.
        levels: number of doublings from the base to the image, the same for all axes.
    """

    image_size: tuple[int, ...]
    base: tuple[int, ...]
    levels: int

    @classmethod
    def of(cls, spatial_dims: int, image_size: int | Sequence[int]) -> Resolution:
        """Find the base and the number of levels of an image size.

        The number of levels is the largest that all axes share and that leaves at least 3 pixels per axis.

        Args:
            spatial_dims: 2 or 3.
            image_size: pixels per axis; one number stands for all axes.

        Returns:
            The resolution; for instance 28 is 7 * 2**2 and (48, 64, 48) is (3, 4, 3) * 2**4.

        Raises:
            ValueError: when ``spatial_dims`` is neither 2 nor 3, when the number of axes differs from it, or when the
                size cannot be reached (the message names the nearest that can).
        """
        if spatial_dims not in (2, 3):
            raise ValueError(f"spatial_dims={spatial_dims!r} is not supported: use 2 for images or 3 for volumes.")
        per_axis = isinstance(image_size, Sequence)
        axes = image_size if isinstance(image_size, Sequence) else (image_size,) * spatial_dims
        size = tuple(int(s) for s in axes)
        if len(size) != spatial_dims:
            raise ValueError(
                f"image_size={size} has {len(size)} axes and spatial_dims is {spatial_dims}: "
                f"give one number or {spatial_dims} of them."
            )
        base, levels = _split(size)
        if not _reachable(base, levels):
            shown, *near = (str(s if per_axis else s[0]) for s in (size, *_nearest(size)))
            raise ValueError(
                f"image_size={shown} cannot be reached: each axis must be a base of {MIN_BASE} or more (the smallest "
                f"base at most {MAX_BASE}) times a common power of two; try {' or '.join(near)}."
            )
        return cls(size, base, levels)


def _split(size: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Halve a size as often as all axes allow: the base and the number of halvings."""
    levels = 0
    while all(s % 2 ** (levels + 1) == 0 and s // 2 ** (levels + 1) >= MIN_BASE for s in size):
        levels += 1
    return tuple(s // 2**levels for s in size), levels


def _reachable(base: tuple[int, ...], levels: int) -> bool:
    return levels > 0 and min(base) <= MAX_BASE


def _nearest(size: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the nearest reachable sizes, one below and one above, or one where they are equal."""
    found: list[tuple[int, ...]] = []
    for round_to_whole in (math.floor, math.ceil):
        step = 2
        while True:
            near = tuple(max(MIN_BASE, round_to_whole(s / step)) * step for s in size)
            if _reachable(*_split(near)):
                break
            step *= 2
        if near not in found:
            found.append(near)
    return found


def level_widths(channels: int, max_channels: int, count: int) -> list[int]:
    """Return ``count`` channel widths from the finest level to the coarsest, doubling up to a cap.

    Args:
        channels: width of the finest level.
        max_channels: largest width.
        count: number of levels.

    Returns:
        ``min(channels * 2**i, max_channels)`` for i = 0 ... count - 1.
    """
    return [min(channels * 2**i, max_channels) for i in range(count)]


def check_positive(**numbers: int) -> None:
    """Refuse numbers below 1 under their argument's name.

    Raises:
        ValueError: for the first number that is not a positive integer.
    """
    for name, number in numbers.items():
        if not isinstance(number, Integral) or number < 1:
            raise ValueError(f"{name}={number!r} is not possible: give a whole number of at least 1.")


def check_latent(latent: Tensor, latent_size: int) -> None:
    """Refuse anything but latents (N, latent_size). Scriptable.

    Raises:
        ValueError: when the shape differs.
    """
    if latent.dim() != 2 or latent.shape[1] != latent_size:
        raise ValueError(
            f"latents of shape {list(latent.shape)} do not fit latent_size={latent_size}: give (N, {latent_size})."
        )


def check_image(image: Tensor, in_channels: int, image_size: list[int]) -> None:
    """Refuse anything but images (N, in_channels, *image_size). Scriptable.

    Raises:
        ValueError: when the number of axes, the channels or the size differ.
    """
    if image.dim() != len(image_size) + 2:
        raise ValueError(
            f"an image of shape {list(image.shape)} does not fit spatial_dims={len(image_size)}: "
            f"give {len(image_size) + 2} axes, (N, C, *image_size)."
        )
    if image.shape[1] != in_channels:
        raise ValueError(
            f"an image with {image.shape[1]} channels does not fit in_channels={in_channels}: "
            "give such an image or build the network for it."
        )
    if list(image.shape[2:]) != image_size:
        raise ValueError(
            f"an image of size {list(image.shape[2:])} does not fit image_size={image_size}: "
            "resize the image or build the network for it."
        )


def check_no_label(label: Tensor | None) -> None:
    """Refuse a label given to an unconditional network. Scriptable.

    Raises:
        ValueError: when a label is given.
    """
    if label is not None:
        raise ValueError("label was given to a network without classes: leave it out or use a conditional network.")
