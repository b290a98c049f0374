"""Images from files for an evaluation: all of one size and scale, and real ones parted so that no subject is in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from monai_gan.data import ImageDataset, ImageTable, IntensityScale, open_source, split_by_subject
from monai_gan.data.splits import SPLITS
from monai_gan.errors import InputError

#: How far values may lie beyond the range of the real images, and how little of it they may fill, as shares of its
#: width; beyond that two sets are taken to be in different units.
BEYOND, FILLED = 0.25, 0.02


@dataclass(frozen=True)
class ImageForm:
    """What all images of an evaluation have in common.

    Attributes:
        spatial_dims: 2 or 3.
        channels: of every image.
        size: every image is resized to it; None takes images as they are.
        scale: image units that become [-1, 1]; None until the real images have told.
    """

    spatial_dims: int = 2
    channels: int = 1
    size: tuple[int, ...] | None = None
    scale: IntensityScale | None = None

    def read(self, source: str | Path | ImageTable, split: Any = "all") -> ImageDataset:
        """Open one part of a source.

        Raises:
            InputError: it is missing, damaged, empty, in other units, or holds NaN.
        """
        dataset = ImageDataset(
            source, split, spatial_dims=self.spatial_dims, image_size=self.size, in_channels=self.channels
        )
        if self.scale is not None:
            _check_units(dataset.name, dataset.intensity, self.scale)
            dataset.intensity = self.scale
        return dataset

    def stack(self, source: str | Path | ImageTable, split: Any = "all") -> Tensor:
        """One part of a source as a tensor (N, C, *S) in [-1, 1]; arguments and errors as for `read`."""
        return self.read(source, split).stack()


def part_real_images(source: str | Path, spatial_dims: int, seed: int) -> tuple[ImageTable, bool]:
    """Part real images into training images, those of the floor and the reference.

    A source with a split of its own keeps it: training, validation and test part. Where it has only one part beside the
    training images, and where it has no split, that part or all of it is halved by subject.

    Args:
        source: as for `ImageDataset`.
        spatial_dims: 2 or 3.
        seed: of the halves.

    Returns:
        The images with splits 0 (training), 1 (floor) and 2 (reference); and whether there are training images.

    Raises:
        InputError: there are only training images, or too few subjects for two halves.
    """
    table = open_source(source, spatial_dims=spatial_dims)
    splits = np.full(len(table), SPLITS.index("test")) if table.splits is None else np.array(table.splits)
    held_out = np.flatnonzero(splits != 0)
    if not len(held_out):
        raise InputError(f"'{source}' holds training images only: give images of its validation or test part as real.")
    if len(np.unique(splits[held_out])) == 1:
        subjects = np.arange(len(table)) if table.subjects is None else np.asarray(table.subjects)
        splits[held_out] = split_by_subject(subjects[held_out], (0.0, 0.5, 0.5), seed)
    if len(np.unique(splits[held_out])) == 1:
        raise InputError(
            f"'{source}' cannot be halved for a comparison of real with real images: all {len(held_out)} are of one "
            "subject; give images of more subjects."
        )
    return replace(table, splits=splits), bool((splits == 0).any())


def training_images(form: ImageForm, source: str | Path) -> Tensor:
    """The training part of a source, or all of it where it has no split, as `ImageForm.stack` gives them."""
    table = open_source(source, spatial_dims=form.spatial_dims)
    return form.stack(table, "all" if table.splits is None else "train")


def count_copies(images: Tensor, *others: Tensor) -> int:
    """How many images are equal to an image of the other sets, value by value."""
    known = {image.numpy().tobytes() for other in others for image in other}
    return sum(image.numpy().tobytes() in known for image in images)


def as_size(image_size: int | Sequence[int] | None, spatial_dims: int) -> tuple[int, ...] | None:
    """One number for all axes, or one per axis, as a size.

    Raises:
        InputError: it is none.
    """
    if image_size is None:
        return None
    size = (image_size,) * spatial_dims if isinstance(image_size, int) else tuple(image_size)
    if len(size) != spatial_dims or min(size) < 1:
        raise InputError(f"image_size={image_size} is no size in {spatial_dims} dimensions: give one positive number.")
    return size


def _check_units(name: str, found: IntensityScale, wanted: IntensityScale) -> None:
    width = wanted.maximum - wanted.minimum
    outside = max(wanted.minimum - found.minimum, found.maximum - wanted.maximum) / width
    filled = (found.maximum - found.minimum) / width
    if outside > BEYOND or filled < FILLED:
        raise InputError(
            f"'{name}' has values from {found.minimum:g} to {found.maximum:g}, the images to compare with from "
            f"{wanted.minimum:g} to {wanted.maximum:g}: bring both to the same units."
        )
