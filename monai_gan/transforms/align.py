"""Bring the target of a training pair onto its image, where a data set did so only roughly."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms import MapTransform

from monai_gan.data.rigid import move, moved_places, rigid_fit


class AlignRigidd(MapTransform):
    """Move volumes rigidly onto another one of the same grid, by mutual information.

    One voxel of misalignment blurs whatever is learned from a pair, and no figure of it can be trusted. Volumes that
    lie well already are left as they are, because every interpolation blurs too.

    Args:
        keys: volumes (1, X, Y, Z) to move.
        to: the volume (1, X, Y, Z) that stays.
        mask_key: mask of what is compared, if the sample has it; otherwise all that is brighter than the mean.
        tolerance: mm that no compared voxel may be off for a volume to be left alone.
        allow_missing_keys: whether to pass over samples that lack a key.
    """

    def __init__(
        self,
        keys: KeysCollection,
        to: str = "image",
        mask_key: str = "mask",
        tolerance: float = 1.0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.to, self.mask_key, self.tolerance = to, mask_key, tolerance
        # A data set that holds each pair in several forms asks for the same search again.
        self._found: dict[bytes, np.ndarray] = {}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The sample with moved volumes; ``meta["rigid_motion"]`` tells the shifts in mm and angles in degrees."""
        sample = dict(data)
        fixed = np.asarray(sample[self.to])[0]
        inside = np.asarray(sample[self.mask_key])[0] > 0 if self.mask_key in sample else fixed > fixed.mean()
        places = np.argwhere(inside)
        for key in self.key_iterator(sample):  # type: ignore[no-untyped-call]
            volume = sample[key]
            spacing = volume.pixdim.tolist() if isinstance(volume, MetaTensor) else [1.0] * 3
            values = np.asarray(volume)[0]
            motion = self._fit(fixed, values, inside, spacing)
            off = (moved_places(places, motion, fixed.shape, spacing) - places) * spacing
            if np.linalg.norm(off, axis=1).max() <= self.tolerance:
                continue
            moved = torch.from_numpy(move(values, motion, spacing))[None]
            if isinstance(volume, MetaTensor):
                moved = MetaTensor(moved, meta={**volume.meta, "rigid_motion": motion.round(3).tolist()})
            sample[key] = moved
        return sample

    def _fit(self, fixed: np.ndarray, values: np.ndarray, inside: np.ndarray, spacing: list[float]) -> np.ndarray:
        digest = hashlib.sha256(repr(spacing).encode())
        for array in (fixed, values, inside):
            digest.update(np.ascontiguousarray(array).data)
        key = digest.digest()
        if key not in self._found:
            self._found[key] = rigid_fit(fixed, values, inside, spacing)
        return self._found[key]
