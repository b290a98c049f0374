"""Volumes in the form from which slices are cut fastest."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from torch import Tensor

from monai_gan.errors import InputError


class CompactSlicesd(MapTransform):
    """Keep volumes as plain tensors of half precision whose slices lie together in memory; drop all other entries.

    The last of the transforms that a ``CacheDataset`` remembers. Shape and order of the axes stay. A float16 of [-1, 1]
    is as exact as 11 bits; geometry is lost.

    Args:
        keys: volumes (C, X, Y, Z).
        axis: spatial axis that the slices are perpendicular to, 0 to 2.
        allow_missing_keys: whether to pass over samples that lack a key.

    Raises:
        InputError: the axis is not possible, or at the call a volume has other axes.
    """

    def __init__(self, keys: KeysCollection, axis: int = 2, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        if axis not in (0, 1, 2):
            raise InputError(f"axis={axis!r} is not possible: give 0, 1 or 2 (2 is axial in RAS orientation).")
        self.axis = axis

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The volumes of the sample, float16."""
        sample = dict(data)
        compact: dict[Hashable, Any] = {}
        for key in self.key_iterator(sample):  # type: ignore[no-untyped-call]
            volume = torch.as_tensor(sample[key]).as_subclass(Tensor)
            if volume.ndim != 4:
                raise InputError(f"'{key}' has the shape {tuple(volume.shape)}: give a volume (C, X, Y, Z).")
            slices = volume.half().movedim(self.axis + 1, 0).contiguous()
            compact[key] = slices.movedim(0, self.axis + 1)
        return compact
