"""Lower the resolution of an MR image as a scanner does: by measuring less of its spatial frequencies."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms import MapTransform, Transform
from monai.utils import convert_to_tensor
from torch import Tensor

from monai_gan.errors import InputError


class KSpaceTruncate(Transform):
    """Keep the central part of k-space: fewer, larger voxels of the same field of view, with its ringing.

    A scan with a smaller matrix measures the low spatial frequencies only. The result has voxels ``factor`` times as
    large, whose grid covers the same box: the outer edges of the corner voxels stay where they are in the world, so
    that the first voxel's centre moves by half the difference of the voxel sizes.

    Values are real, of a magnitude image, and can undershoot at sharp edges (Gibbs ringing). Add noise afterwards, for
    instance by MONAI's ``RandRicianNoise``: noise has the scan's resolution.

    Args:
        factor: how many times larger voxels become, one whole number for all axes or one per axis; 1 leaves an axis.

    Raises:
        InputError: when a factor is below 1, or at the call when an axis is no multiple of it.

    Example:
        >>> import torch
        >>> from monai_gan.transforms import KSpaceTruncate
        >>> KSpaceTruncate((2, 2, 1))(torch.rand(1, 8, 8, 3)).shape
        torch.Size([1, 4, 4, 3])
    """

    def __init__(self, factor: int | Sequence[int]) -> None:
        factors = (factor,) if isinstance(factor, int) else tuple(factor)
        if any(not isinstance(one, int) or one < 1 for one in factors):
            raise InputError(f"factor={factor!r} is not possible: give whole numbers of at least 1.")
        self.factor = factor if isinstance(factor, int) else factors

    def __call__(self, image: Any) -> MetaTensor:
        """Lower the resolution.

        Args:
            image: (C, *S), a tensor or array; a ``MetaTensor`` keeps its metadata and gets a new affine.

        Returns:
            (C, *S / factor), float32.
        """
        metadata: MetaTensor = convert_to_tensor(image, track_meta=True)
        axes = metadata.ndim - 1
        factors = (self.factor,) * axes if isinstance(self.factor, int) else self.factor
        if len(factors) != axes:
            raise InputError(f"factor={factors} has {len(factors)} numbers for an image of {axes} axes: give {axes}.")
        values = metadata.as_subclass(Tensor).float()
        for axis, factor in enumerate(factors, start=1):
            if values.shape[axis] % factor:
                raise InputError(
                    f"The image has {values.shape[axis]} voxels along axis {axis - 1}, no multiple of factor={factor}: "
                    "crop or pad it before (monai.transforms.DivisiblePad)."
                )
            if factor > 1:
                values = _truncate(values, axis, factor)
        result = MetaTensor(values, meta=metadata.meta, applied_operations=metadata.applied_operations)
        result.affine = metadata.affine @ _coarser(factors, metadata.affine)
        return result


class KSpaceTruncated(MapTransform):
    """Dictionary form of :class:`KSpaceTruncate`.

    Args:
        keys: entries to change.
        factor: as there.
        allow_missing_keys: whether to pass over samples that lack a key.
    """

    def __init__(self, keys: KeysCollection, factor: int | Sequence[int], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.truncate = KSpaceTruncate(factor)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The sample with the changed entries."""
        sample = dict(data)
        for key in self.key_iterator(sample):  # type: ignore[no-untyped-call]
            sample[key] = self.truncate(sample[key])
        return sample


def _truncate(values: Tensor, axis: int, factor: int) -> Tensor:
    """Keep the central 1 / factor of the frequencies of one axis."""
    size = values.shape[axis]
    kept = size // factor
    frequencies = torch.fft.fftshift(torch.fft.fft(values.double(), dim=axis), dim=axis)
    central = frequencies.narrow(axis, size // 2 - kept // 2, kept)
    # The first new voxel's centre lies this many old voxels further in.
    shift = (factor - 1) / 2
    number = torch.arange(kept, dtype=torch.float64, device=values.device) - kept // 2
    phase = torch.exp(2j * torch.pi * number * shift / size)
    central = central * phase.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    # The real part also halves the highest of an even number of frequencies between its two signs.
    image = torch.fft.ifft(torch.fft.ifftshift(central, dim=axis), dim=axis).real / factor
    return image.to(values.dtype)


def _coarser(factors: Sequence[int], affine: Tensor) -> Tensor:
    """From indices of the coarse grid to those of the fine one; affines of MONAI are 4 x 4 for 2-D images too."""
    change = np.eye(len(affine))
    for axis, factor in enumerate(factors):
        change[axis, axis] = factor
        change[axis, -1] = (factor - 1) / 2
    return torch.as_tensor(change, dtype=affine.dtype, device=affine.device)
