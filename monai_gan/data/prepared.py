"""A source's images as checked channel-first tensors of one size, still in image units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from monai_gan.data.images import storable
from monai_gan.data.resize import resize
from monai_gan.data.scaling import IntensityScale
from monai_gan.data.table import ImageTable
from monai_gan.errors import InputError

# Images that are read to choose an intensity range when they lie in files.
_PROBES = 64


class PreparedImages:
    """Gives images (C, *S) of a table, after checks of dimensionality, channels, size and finite values.

    Args:
        table: the source.
        spatial_dims: 2 or 3.
        in_channels: channels that every image must have.
        size: resize to this; default: the size of the first image, which all must then have.

    Raises:
        InputError: the table is empty or its first image does not fit.
    """

    def __init__(
        self, table: ImageTable, spatial_dims: int, in_channels: int, size: tuple[int, ...] | None = None
    ) -> None:
        if not len(table):
            raise InputError(f"'{table.name}' holds no image.")
        self.table = table
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels
        self._resize = size is not None
        first = self._channels_first(np.asarray(table.images[0])[None], 0)
        self.image_size: tuple[int, ...] = size or first.shape[2:]
        self.dtype = storable(first.dtype)
        self.bytes_each = in_channels * int(np.prod(self.image_size)) * self.dtype.itemsize

    def one(self, index: int) -> Tensor:
        """Image (C, *S) of one index."""
        return self._tensor(np.asarray(self.table.images[index])[None], [index])[0]

    def block(self, indices: np.ndarray) -> Tensor:
        """Images (n, C, *S) of some indices."""
        block = torch.empty(
            len(indices), self.in_channels, *self.image_size, dtype=torch.from_numpy(np.empty(0, self.dtype)).dtype
        )
        images = self.table.images
        if len(indices) and isinstance(images, np.ndarray):
            return block.copy_(self._tensor(images[indices], indices))
        for row, index in zip(block, indices, strict=True):
            row.copy_(self.one(int(index)))
        return block

    def measure(self, indices: np.ndarray) -> IntensityScale:
        """Choose the intensity range from some images: all that are in memory, an even choice of those in files."""
        images = self.table.images
        if not len(indices):
            indices = np.arange(len(self.table))
        if isinstance(images, np.ndarray):
            _check_finite(images, self.table, range(len(images)))
            return IntensityScale.from_images(images[indices])
        chosen = indices[np.unique(np.linspace(0, len(indices) - 1, _PROBES).astype(np.int64))]
        return IntensityScale.from_images(np.stack([self.one(int(index)).numpy() for index in chosen]))

    def _tensor(self, images: np.ndarray, indices: Sequence[int] | np.ndarray) -> Tensor:
        shaped = self._channels_first(images, int(indices[0]))
        _check_finite(shaped, self.table, indices)
        if not self._resize and shaped.shape[2:] != self.image_size:
            raise InputError(
                f"{self.table.image_name(int(indices[0]))} has the size {shaped.shape[2:]} but "
                f"{self.table.image_name(0)} has {self.image_size}: give image_size to bring all to one size."
            )
        tensor = torch.from_numpy(np.ascontiguousarray(shaped, dtype=storable(shaped.dtype)))
        if tensor.shape[2:] == self.image_size:
            return tensor
        return torch.stack([resize(image, self.image_size) for image in tensor])

    def _channels_first(self, images: np.ndarray, index: int) -> np.ndarray:
        """Bring images (n, *S), (n, C, *S) or (n, *S, C) to (n, C, *S)."""
        found, channels, dims = images.ndim - 1, self.in_channels, self.spatial_dims
        if found == dims and channels == 1:
            return images[:, None]
        if found == dims + 1 and images.shape[1] == channels:
            return images
        if found == dims + 1 and images.shape[-1] == channels:
            return np.moveaxis(images, -1, 1)
        if found == dims + 1 and channels == 1 and images.shape[1] == 3 and (images == images[:, :1]).all():
            return images[:, :1]  # a grey picture saved in colour
        raise InputError(
            f"{self.table.image_name(index)} has the shape {images.shape[1:]}, which is not {channels} channel(s) "
            f"in {dims} dimensions: correct in_channels or spatial_dims, or convert the images."
        )


def _check_finite(images: np.ndarray, table: ImageTable, indices: Sequence[int] | np.ndarray) -> None:
    if images.dtype.kind != "f":
        return
    finite = np.isfinite(images).reshape(len(images), -1).all(axis=1)
    if not finite.all():
        name = table.image_name(int(indices[int(np.argmin(finite))]))
        raise InputError(f"{name} holds NaN or infinite values: remove or repair it before training.")
