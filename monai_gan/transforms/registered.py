"""Refuse pairs of images that do not lie on one grid."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms import MapTransform

from monai_gan.errors import InputError


class CheckRegisteredd(MapTransform):
    """Pass a sample on if its images have one shape and one affine, and name the two files if not.

    A network that learns from pairs learns their misalignment too, as blur. The check is about the grid alone: whether
    the anatomy is aligned is for a registration and for the eye.

    Args:
        keys: images, at least two; each is compared with the first.
        tolerance: largest distance in mm between the places of a corner voxel on the two grids.
        allow_missing_keys: whether to pass over samples that lack a key.

    Raises:
        InputError: at the call, when shapes or grids differ.
    """

    def __init__(self, keys: KeysCollection, tolerance: float = 0.1, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        if tolerance < 0:
            raise InputError(f"tolerance={tolerance} is not possible: give 0 mm or more.")
        self.tolerance = tolerance

    def __call__(self, data: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        """The sample as it came."""
        first, *others = list(self.key_iterator(data))  # type: ignore[no-untyped-call]
        for other in others:
            self._compare(data, first, other)
        return data

    def _compare(self, data: Mapping[Hashable, Any], first: Hashable, other: Hashable) -> None:
        one, two = data[first], data[other]
        pair = f"{_name(data, first)} and {_name(data, other)}"
        if one.shape[1:] != two.shape[1:]:
            raise InputError(
                f"{pair} are no registered pair: their shapes are {tuple(one.shape[1:])} and {tuple(two.shape[1:])}. "
                "Resample one onto the grid of the other (monai.transforms.ResampleToMatchd)."
            )
        if not (isinstance(one, MetaTensor) and isinstance(two, MetaTensor)):
            return
        apart = _corner_distance(one, two)
        if not apart <= self.tolerance:
            raise InputError(
                f"{pair} are no registered pair: a corner lies {apart:.3g} mm apart on the two grids (tolerance "
                f"{self.tolerance:g} mm). Resample one onto the grid of the other (monai.transforms.ResampleToMatchd)."
            )


def _corner_distance(one: MetaTensor, two: MetaTensor) -> float:
    """Largest distance of a corner voxel between two grids of one shape, in the units of the affines."""
    axes = one.ndim - 1
    ends = torch.cartesian_prod(*(torch.tensor([0.0, size - 1.0], dtype=torch.float64) for size in one.shape[1:]))
    corners = torch.zeros(len(ends), 4, dtype=torch.float64)
    corners[:, :axes], corners[:, 3] = ends.reshape(-1, axes), 1
    places = [corners @ image.affine.cpu().double().T for image in (one, two)]
    return float((places[0] - places[1]).norm(dim=1).max())


def _name(data: Mapping[Hashable, Any], key: Hashable) -> str:
    file = getattr(data[key], "meta", {}).get("filename_or_obj")
    return f"'{file}' ({key})" if file else f"the images '{key}'"
