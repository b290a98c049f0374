"""Take away what lies outside a mask, as brain extraction does."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms import MapTransform
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from monai_gan.errors import InputError


class KeepInsided(MapTransform):
    """Set images to 0 outside a mask that is grown or shrunk by a margin.

    The margin is the sample's own, so that one cached data set can hold a volume whole and extracted in several ways:
    programs for brain extraction cut tightly or loosely. A sample without a margin is left whole.

    Args:
        keys: images (C, *S) in their own units, 0 for nothing.
        mask_key: the mask (1, *S); what is above 0 is inside.
        margin_key: millimetres by which the mask grows, or shrinks where negative.
        allow_missing_keys: whether to pass over samples that lack a key.

    Raises:
        InputError: at the call, when there is a margin but no mask.
    """

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: str = "mask",
        margin_key: str = "margin",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.mask_key, self.margin_key = mask_key, margin_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The sample with images that are 0 outside the mask."""
        sample = dict(data)
        margin = sample.get(self.margin_key)
        if margin is None:
            return sample
        if self.mask_key not in sample:
            raise InputError(f"The sample has '{self.margin_key}'={margin} but no '{self.mask_key}': give a mask.")
        inside = _grown(sample[self.mask_key], float(margin))
        for key in self.key_iterator(sample):  # type: ignore[no-untyped-call]
            sample[key] = sample[key] * inside
        return sample


def _grown(mask: Any, margin: float) -> Tensor:
    inside = np.asarray(mask)[0] > 0
    spacing = [float(step) for step in mask.pixdim] if isinstance(mask, MetaTensor) else [1.0] * inside.ndim
    result = np.zeros_like(inside)
    box = _box(inside, margin, spacing)
    near = inside[box]
    if margin >= 0:
        result[box] = distance_transform_edt(~near, spacing) <= margin if near.any() else near
    else:
        result[box] = distance_transform_edt(near, spacing) > -margin
    return torch.from_numpy(result)[None]


def _box(inside: np.ndarray, margin: float, spacing: Sequence[float]) -> tuple[slice, ...]:
    """All that is inside and a margin around it, which saves the search for distances elsewhere."""
    found = []
    for axis, step in enumerate(spacing):
        places = np.flatnonzero(inside.any(axis=tuple(other for other in range(inside.ndim) if other != axis)))
        room = ceil(max(margin, 0) / step) + 1
        found.append(slice(max(0, places[0] - room), places[-1] + 1 + room) if places.size else slice(0, 0))
    return tuple(found)
