"""Images of any source as samples for training: plain tensors in [-1, 1], cached compactly, scaled when asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Compose
from torch import Tensor
from torch.utils.data import Dataset

from monai_gan.data.prepared import PreparedImages
from monai_gan.data.scaling import IntensityScale
from monai_gan.data.sources import open_source
from monai_gan.data.splits import SPLITS, split_by_subject
from monai_gan.data.table import ImageTable
from monai_gan.errors import InputError


class ImageDataset(Dataset[dict[str, Any]]):
    """The images of one part of a source.

    A sample is ``{"image": float32 (C, *S) in [-1, 1], "label": int, "covariates": float32 (K,)}``, the label only
    where the source has classes, and covariates only where it has such, standardised by the training part's mean and
    standard deviation.
    Images stay in memory in the type of the source (8-bit stays 8-bit) as long as they fit in ``cache_bytes``, and are
    read when asked for beyond that.

    Args:
        source: a named set under ``$MONAI_GAN_DATA`` such as ``"mednist64/CXR"``, an ``.npz`` with ``images``, a folder
            of NIfTI, NRRD, PNG, TIFF or DICOM files, ``"demo:mni152"``, or an ``ImageTable``.
        split: ``"train"``, ``"val"``, ``"test"`` or ``"all"``; the source's own split where it has one, else by
            subject.
        spatial_dims: 2 or 3.
        image_size: resize to this, antialiased, aspect ratio not kept; default: as they are, all of one size.
        in_channels: channels that every image must have.
        intensity: image units that become -1 and 1, as ``IntensityScale``, pair or mapping; default: 0 and 255 for
            8-bit images, else the 0.1 and 99.9 percentiles of the training part.
        transform: MONAI dictionary transforms of the scaled sample.
        key: key of the image.
        label_key: key of the label.
        split_fractions: shares of the subjects, where the source has no split.
        seed: seed of that split.
        cache_bytes: memory for the images.

    Raises:
        InputError: the source is not found or cannot be read, the part is empty, or an image has another shape,
            dimensionality or number of channels, or NaN; the text names the image.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | ImageTable,
        split: Literal["train", "val", "test", "all"] = "train",
        *,
        spatial_dims: int = 2,
        image_size: int | Sequence[int] | None = None,
        in_channels: int = 1,
        intensity: IntensityScale | Sequence[float] | Mapping[str, Any] | None = None,
        transform: Callable[[Any], Any] | Sequence[Callable[[Any], Any]] | None = None,
        key: str = "image",
        label_key: str = "label",
        split_fractions: Sequence[float] = (0.8, 0.1, 0.1),
        seed: int = 0,
        cache_bytes: int = 2**31,
    ) -> None:
        if spatial_dims not in (2, 3):
            raise InputError(f"spatial_dims={spatial_dims} is not possible: give 2 or 3.")
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels
        self.key = key
        self.label_key = label_key
        self.transform = Compose(transform) if isinstance(transform, Sequence) else transform
        size = _as_size(image_size, spatial_dims)
        if not isinstance(source, ImageTable):
            source = open_source(source, spatial_dims=spatial_dims, image_size=size)
        self.name = source.name
        self.label_names = source.label_names
        images = PreparedImages(source, spatial_dims, in_channels, size)
        self.image_size = images.image_size
        parts = _parts(source, split_fractions, seed)
        self.intensity = _as_scale(intensity) or images.measure(np.flatnonzero(parts == 0))
        self.indices = _choose(parts, split, source.name)
        self.labels = None if source.labels is None else np.asarray(source.labels)[self.indices].astype(np.int64)
        self._label_list = None if self.labels is None else self.labels.tolist()
        self.covariate_names = source.covariate_names
        self.covariates = _standardised(source.covariates, parts == 0, self.indices)
        in_memory = images.bytes_each * len(self.indices) <= cache_bytes
        self._cached = images.block(self.indices if in_memory else self.indices[:0])
        # Without this, the whole source would stay in memory beside the cached part.
        self._images = None if in_memory else images

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, item: int) -> dict[str, Any]:
        if not 0 <= item < len(self.indices):
            raise IndexError(f"item {item} of {len(self.indices)} images")
        image = self._cached[item] if self._images is None else self._images.one(int(self.indices[item]))
        sample: dict[str, Any] = {self.key: self.intensity.to_model(image)}
        if self._label_list is not None:
            sample[self.label_key] = self._label_list[item]
        if self.covariates is not None:
            sample["covariates"] = self.covariates[item]
        if self.transform is None:
            return sample
        sample = self.transform(sample)
        # Collating and moving MetaTensors costs more than a small GAN's step, and no geometry is needed to train.
        return {key: value.as_tensor() if isinstance(value, MetaTensor) else value for key, value in sample.items()}

    def stack(self, n: int | None = None) -> Tensor:
        """The first ``n`` images, or all, in one tensor (n, C, *S), for what looks at a whole set."""
        return torch.stack([self[item][self.key] for item in range(len(self) if n is None else n)])

    @property
    def deterministic(self) -> bool:
        """Whether a sample is the same each time, so that a loader need not seed anything for it."""
        return self.transform is None


def _as_size(image_size: int | Sequence[int] | None, spatial_dims: int) -> tuple[int, ...] | None:
    if image_size is None:
        return None
    size = (image_size,) * spatial_dims if isinstance(image_size, int) else tuple(image_size)
    if len(size) != spatial_dims or min(size) < 1:
        raise InputError(
            f"image_size={image_size} is not a size in {spatial_dims} dimensions: "
            f"give one positive number or {spatial_dims}."
        )
    return size


def _as_scale(intensity: IntensityScale | Sequence[float] | Mapping[str, Any] | None) -> IntensityScale | None:
    if intensity is None or isinstance(intensity, IntensityScale):
        return intensity
    if isinstance(intensity, Mapping):
        return IntensityScale.from_dict(intensity)
    minimum, maximum = intensity
    return IntensityScale(float(minimum), float(maximum))


def _parts(table: ImageTable, fractions: Sequence[float], seed: int) -> np.ndarray:
    if table.splits is not None:
        return np.asarray(table.splits)
    return split_by_subject(np.arange(len(table)) if table.subjects is None else table.subjects, fractions, seed)


def _standardised(values: np.ndarray | None, train: np.ndarray, chosen: np.ndarray) -> Tensor | None:
    """Covariates of the chosen images, in standard deviations from the mean of the training part, or of all."""
    if values is None:
        return None
    known = values[train] if train.any() else values
    spread = known.std(axis=0)
    # A value that never varies says nothing, and stays zero.
    scaled = (values[chosen] - known.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return torch.from_numpy(scaled.astype(np.float32))


def _choose(parts: np.ndarray, split: str, name: str) -> np.ndarray:
    if split not in (*SPLITS, "all"):
        raise InputError(f"split='{split}' is unknown: give one of {', '.join(SPLITS)} or all.")
    indices = np.arange(len(parts)) if split == "all" else np.flatnonzero(parts == SPLITS.index(split))
    if not len(indices):
        counts = ", ".join(f"{part} {int((parts == number).sum())}" for number, part in enumerate(SPLITS))
        raise InputError(f"split='{split}' of '{name}' holds no image ({counts}): choose another part, or split='all'.")
    return indices
