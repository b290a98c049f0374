"""Use a MONAI dataset as a source of training images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from monai_gan.data.dataset import ImageDataset
from monai_gan.data.scaling import IntensityScale
from monai_gan.data.table import ImageTable
from monai_gan.errors import InputError


class MonaiImages:
    """The images of a dictionary dataset as arrays.

    Args:
        dataset: the dataset.
        image_key: key of the image.
        transpose: swap the two axes of 2-D images.
        spatial_dims: 2 or 3.
    """

    def __init__(self, dataset: Dataset[Any], image_key: str, transpose: bool, spatial_dims: int) -> None:
        self.dataset = dataset
        self.image_key = image_key
        self.transpose = transpose and spatial_dims == 2

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> np.ndarray:
        image = np.asarray(torch.as_tensor(_get(self.dataset[index], self.image_key)))
        return image.swapaxes(-1, -2) if self.transpose else image


def from_monai(
    dataset: Dataset[Any],
    image_key: str = "image",
    label_key: str = "label",
    *,
    spatial_dims: int = 2,
    in_channels: int = 1,
    image_size: int | Sequence[int] | None = None,
    intensity: IntensityScale | Sequence[float] | Mapping[str, Any] | None = (0.0, 255.0),
    transform: Callable[[Any], Any] | Sequence[Callable[[Any], Any]] | None = None,
    transpose: bool = True,
) -> ImageDataset:
    """Give the samples of any MONAI dictionary dataset in the form of ``ImageDataset``.

    The dataset's own transforms should only load: they run once per image while it is cached. Random ones belong in
    ``transform``.

    Args:
        dataset: gives dictionaries with an image (*S), (C, *S) or (*S, C) and perhaps a label.
        image_key: key of the image.
        label_key: key of the label; samples have no label when it is missing.
        spatial_dims: 2 or 3.
        in_channels: channels of each image.
        image_size: resize to this.
        intensity: image units that become -1 and 1; None chooses them from the images.
        transform: dictionary transforms of the scaled sample.
        transpose: in 2-D, MONAI's readers put columns first; here rows come first, so that pictures are swapped. Pass
            False for a dataset whose images have rows first already.

    Returns:
        Samples ``{"image": float32 (C, *S) in [-1, 1], "label": int}``.

    Raises:
        InputError: the image key is missing, or an image does not fit.

    Example:
        >>> from monai.apps import MedNISTDataset
        >>> medical = MedNISTDataset("data", section="training", download=False)
        >>> train_set = from_monai(medical)
    """
    images = MonaiImages(dataset, image_key, transpose, spatial_dims)
    items = _items(dataset, len(images))
    labels = [int(item[label_key]) for item in items if label_key in item]
    names = {
        int(item[label_key]): str(item["class_name"]) for item in items if label_key in item and "class_name" in item
    }
    table = ImageTable(
        name=type(dataset).__name__,
        images=images,
        labels=np.array(labels) if labels and len(labels) == len(items) else None,
        label_names=tuple(names.get(number, str(number)) for number in range(max(names, default=-1) + 1)),
    )
    return ImageDataset(
        table,
        "all",
        spatial_dims=spatial_dims,
        image_size=image_size,
        in_channels=in_channels,
        intensity=intensity,
        transform=transform,
        label_key=label_key,
    )


def _items(dataset: Dataset[Any], count: int) -> Sequence[Any]:
    """What is known of each image: MONAI's data list where there is one, so that labels need no loading of images."""
    data = getattr(dataset, "data", None)
    if isinstance(data, list) and len(data) == count and all(isinstance(item, Mapping) for item in data):
        return data
    return [dataset[index] for index in range(count)]


def _get(sample: Any, key: str) -> Any:
    if not isinstance(sample, Mapping) or key not in sample:
        found = ", ".join(sample) if isinstance(sample, Mapping) else type(sample).__name__
        raise InputError(f"image_key='{key}' is not in the samples of this dataset, which have: {found}.")
    return sample[key]
