"""Bring a volume's axes to a named order and back, without interpolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel import orientations
from torch import Tensor

from monai_gan.errors import InputError


@dataclass(frozen=True)
class Orientation:
    """The permutation and the flips that bring a volume to an order such as RAS; oblique angles stay as they are.

    Unlike a transform, it also leads results back whose axes have become longer.

    Args:
        order: for each axis of the given volume the axis that it becomes.
        flipped: for each axis of the given volume whether it is reversed.
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    @classmethod
    def of(cls, affine: np.ndarray, codes: str = "RAS") -> Orientation:
        """Find it.

        Args:
            affine: (4, 4) from indices to millimetres in RAS.
            codes: where the three axes shall point, for instance ``"RAS"``.

        Raises:
            InputError: the affine has no volume.
        """
        if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
            raise InputError(f"the affine {affine[:3].tolist()} has no volume: repair the image's geometry.")
        change = orientations.ornt_transform(orientations.io_orientation(affine), orientations.axcodes2ornt(codes))
        first, second, third = ((int(axis), bool(sign < 0)) for axis, sign in change)
        return cls((first[0], second[0], third[0]), (first[1], second[1], third[1]))

    def apply(self, volume: Tensor) -> Tensor:
        """A volume (C, X, Y, Z) in the named order."""
        turned = volume.flip([axis + 1 for axis, flip in enumerate(self.flipped) if flip])
        return turned.permute(0, *(1 + axis for axis in np.argsort(self.order))).contiguous()

    def restore(self, volume: Tensor) -> Tensor:
        """A volume (C, X, Y, Z) of the named order, of any size, as the given one was."""
        turned = volume.permute(0, *(1 + axis for axis in self.order))
        return turned.flip([axis + 1 for axis, flip in enumerate(self.flipped) if flip]).contiguous()

    def per_given_axis(self, values: tuple[int, ...]) -> tuple[int, ...]:
        """Numbers per axis of the named order, as numbers per axis of the given volume."""
        return tuple(values[axis] for axis in self.order)

    def per_named_axis(self, values: tuple[float, ...]) -> tuple[float, ...]:
        """Numbers per axis of the given volume, as numbers per axis of the named order."""
        return tuple(values[axis] for axis in np.argsort(self.order))
