"""The directions of a bundle's styles, by the names that a person gave them or by number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monai_gan.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from monai_gan.bundle import BundleInfo


def check_direction(info: BundleInfo, direction: str | int | None, strength: float) -> None:
    """Refuse, before a network is loaded, a name that the bundle does not know and a strength that is no number.

    Raises:
        InputError: as said; lists the directions that there are.
    """
    if direction is not None:
        _number(info, direction)
    if not math.isfinite(strength):
        raise InputError(f"strength={strength} is no number: give one such as 2 or -2.")


def find_shift(info: BundleInfo, network: nn.Module, direction: str | int, strength: float) -> Tensor:
    """What a network with styles is shifted by.

    Args:
        info: the bundle; ``directions`` of its metadata gives names to numbers, and the layers that are shifted.
        network: its network.
        direction: name or number.
        strength: in standard deviations of the styles along the direction.

    Returns:
        (num_styles, style_size).

    Raises:
        InputError: the network has no styles, or the direction is unknown.
    """
    from monai_gan.networks import style_directions, style_shift
    from monai_gan.networks.nets import StyleGAN2Generator

    check_direction(info, direction, strength)
    if not isinstance(network, StyleGAN2Generator):
        raise InputError(f"direction={direction!r} is not possible: bundle {info.name!r} has no styles; leave it out.")
    number, layers = _number(info, direction)
    if number >= network.style_size:
        raise InputError(
            f"direction={direction!r} is unknown to bundle {info.name!r}: give 0 to {network.style_size - 1}"
            f"{_listed(info)}."
        )
    vectors = style_directions(network, number + 1, layers)
    return style_shift(network, vectors[number], strength, layers)


def shown_directions(info: BundleInfo, network: nn.Module, direction: str | int | None) -> list[str | int]:
    """The directions that a picture shows: the one asked for, else those that have names, else the first four."""
    if direction is not None:
        return [direction]
    named: list[str | int] = [str(entry["name"]) for entry in _named(info)]
    return named or list(range(min(4, int(network.style_size))))  # type: ignore[arg-type]


def _number(info: BundleInfo, direction: str | int) -> tuple[int, list[int] | None]:
    """The number of a direction, and the layers that it shifts."""
    for entry in _named(info):
        if entry["name"] == direction:
            return int(entry["number"]), entry.get("layers")
    if str(direction).isdecimal():
        return int(direction), None
    raise InputError(
        f"direction={direction!r} is unknown to bundle {info.name!r}: give a number from 0{_listed(info)}."
    )


def _listed(info: BundleInfo) -> str:
    names = ", ".join(str(entry["name"]) for entry in _named(info))
    return f", or one of {names}" if names else ""


def _named(info: BundleInfo) -> list[Mapping[str, Any]]:
    return list(info.extra.get("directions") or ())
