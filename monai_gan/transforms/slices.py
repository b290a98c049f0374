"""Slices of a volume with their neighbours as channels, for 2-D networks that look at volumes (2.5-D)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms import MapTransform, RandomizableTransform
from torch import Tensor

from monai_gan.errors import InputError

#: How often a slice is drawn again when it shows too little.
DRAWS = 20


def stack_slices(volume: Tensor, index: Tensor, axis: int = 2, num_slices: int = 1) -> Tensor:
    """Cut slices out of volumes, each with its neighbours as further channels.

    Beyond the ends the last slice is repeated. Channels are ordered as (channel, neighbour).

    Args:
        volume: (N, C, X, Y, Z).
        index: positions (B,) along the axis.
        axis: spatial axis that the slices are perpendicular to, 0 to 2.
        num_slices: slices per stack, odd.

    Returns:
        (N, B, C * num_slices, *S), S the other two axes in their order.

    Raises:
        InputError: the axis or the number is not possible, or the volume has another number of axes.
    """
    check_slices(axis, num_slices)
    if volume.ndim != 5:
        raise InputError(f"volume has shape {tuple(volume.shape)}: give five axes, (N, C, X, Y, Z).")
    along = volume.movedim(axis + 2, 2)
    offsets = torch.arange(num_slices, device=volume.device) - num_slices // 2
    places = (index.to(volume.device)[:, None] + offsets).clamp(0, along.shape[2] - 1)
    # (N, C, B, k, *S) to (N, B, C, k, *S)
    stacks = along.index_select(2, places.flatten()).unflatten(2, places.shape)
    return stacks.movedim(2, 1).flatten(2, 3)


def check_slices(axis: int, num_slices: int) -> None:
    """Refuse an axis or a number of slices that is not possible.

    Raises:
        InputError: naming it.
    """
    if axis not in (0, 1, 2):
        raise InputError(f"axis={axis!r} is not possible: give 0, 1 or 2 (2 is axial in RAS orientation).")
    if num_slices < 1 or num_slices % 2 == 0:
        raise InputError(f"num_slices={num_slices} is not possible: give an odd number, the slice and its neighbours.")


class RandStackedSliced(RandomizableTransform, MapTransform):
    """Cut the same random slice out of several volumes of a sample, each with as many neighbours as it wants.

    Slices of which too little is above ``threshold`` are drawn again, up to twenty times.

    Args:
        keys: volumes (C, X, Y, Z) of one shape; the first decides what is drawn.
        num_slices: slices per stack for each key, odd; one number for all.
        axis: spatial axis that the slices are perpendicular to.
        threshold: value above which a voxel of the first key shows something.
        share: least share of such voxels in a slice.
        prob: probability that a slice has to show so much. Whole volumes have empty slices too, which a network that
            never saw one fills with anything.
        allow_missing_keys: whether to pass over samples that lack a key.

    Raises:
        InputError: the axis or a number is not possible, or at the call the volumes differ in shape.
    """

    def __init__(
        self,
        keys: KeysCollection,
        num_slices: int | Sequence[int] = 1,
        axis: int = 2,
        threshold: float = -1.0,
        share: float = 0.0,
        prob: float = 1.0,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        numbers = [num_slices] * len(self.keys) if isinstance(num_slices, int) else list(num_slices)
        if len(numbers) != len(self.keys):
            raise InputError(f"num_slices={num_slices} has {len(numbers)} numbers for {len(self.keys)} keys.")
        for number in numbers:
            check_slices(axis, number)
        self.num_slices = dict(zip(self.keys, numbers, strict=True))
        self.axis, self.threshold, self.share = axis, threshold, share

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The sample with slices (C * num_slices, *S) in place of the volumes."""
        sample = dict(data)
        keys = list(self.key_iterator(sample))  # type: ignore[no-untyped-call]
        shapes = {tuple(sample[key].shape[1:]) for key in keys}
        if len(shapes) != 1 or len(next(iter(shapes))) != 3:
            raise InputError(
                f"The volumes {keys} have shapes {sorted(shapes)}: give volumes (C, X, Y, Z) of one shape."
            )
        self.randomize(None)
        index = self._draw(sample[keys[0]])
        for key in keys:
            volume = torch.as_tensor(sample[key])
            plain = volume.as_subclass(Tensor)[None]
            stack = stack_slices(plain, torch.tensor([index]), self.axis, self.num_slices[key])[0, 0]
            if isinstance(volume, MetaTensor):
                stack = MetaTensor(stack, meta={**volume.meta, "slice": index})
            sample[key] = stack
        return sample

    def _draw(self, volume: Any) -> int:
        slices = torch.as_tensor(volume).as_subclass(Tensor).movedim(self.axis + 1, 0)
        index = 0
        for _ in range(DRAWS):
            index = int(self.R.randint(len(slices)))
            shown = (slices[index] > self.threshold).any(0)
            if not self._do_transform or float(shown.float().mean()) >= self.share:
                break
        return index
