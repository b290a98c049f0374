"""Slices of volumes along their three axes, drawn at random, as batches of images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: The spatial axes of volumes (N, C, D, H, W).
AXES = (2, 3, 4)


@dataclass(frozen=True)
class Slices:
    """Which slices are looked at.

    Attributes:
        axis: the axis that they stand on, 2, 3 or 4.
        sample, place: (M,) each, the volume of a slice and its place on the axis.
    """

    axis: int
    sample: Tensor
    place: Tensor

    def of(self, volumes: Tensor) -> Tensor:
        """Images (M, C, H, W) from volumes (N, C, D, H, W); only the slices that were drawn are copied."""
        return volumes.movedim(self.axis, 1)[self.sample, self.place]

    def shape(self, volumes: Tensor) -> tuple[int, ...]:
        """(H, W) of its slices."""
        return tuple(volumes.shape[axis] for axis in AXES if axis != self.axis)


def draw_slices(
    shape: torch.Size, ratio: float, minimum: int, device: torch.device, generator: torch.Generator | None
) -> list[Slices]:
    """Slices along each axis, without replacement; the draws are those of MONAI's loss.

    Args:
        shape: (N, C, D, H, W) of the volumes.
        ratio: share of the slices of all volumes along an axis; at least one is taken.
        minimum: axes whose slices have a side shorter than this are left out.
        device: of the volumes.
        generator: on the CPU; None for torch's global one.

    Raises:
        ValueError: if no axis is left.
    """
    drawn = []
    for axis in AXES:
        count = shape[0] * shape[axis]
        chosen = torch.randperm(count, generator=generator)[: max(1, int(count * ratio))].to(device)
        if min(shape[other] for other in AXES if other != axis) >= minimum:
            drawn.append(Slices(axis, chosen // shape[axis], chosen % shape[axis]))
    if not drawn:
        raise ValueError(
            f"input has spatial shape {tuple(shape[2:])}, and along each axis its slices have a side shorter than "
            f"{minimum}, which this network_type cannot see; give larger volumes or another network_type."
        )
    return drawn


def batches(drawn: list[Slices], volumes: Tensor) -> list[list[Slices]]:
    """Axes whose slices have one shape, together."""
    groups: dict[tuple[int, ...], list[Slices]] = {}
    for slices in drawn:
        groups.setdefault(slices.shape(volumes), []).append(slices)
    return list(groups.values())
