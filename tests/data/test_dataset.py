"""Samples for training: scaled, labelled, split, checked, and cheap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import EnsureTyped, RandFlipd

from monai_gan.data import ImageDataset, ImageTable, IntensityScale, StreamLoader
from monai_gan.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 6, 8), dtype=np.uint8)


def _table(**known: Any) -> ImageTable:
    return ImageTable(**({"name": "test", "images": IMAGES} | known))


def test_samples_are_plain_scaled_tensors() -> None:
    data = ImageDataset(_table(labels=np.arange(20) % 3), "all")
    sample = data[4]
    assert type(sample["image"]) is torch.Tensor
    assert sample["image"].dtype == torch.float32
    assert sample["label"] == 1
    assert type(sample["label"]) is int
    assert (data.intensity.to_image(sample["image"]).round().numpy()[0] == IMAGES[4]).all()
    assert data.image_size == (6, 8)


def test_the_source_own_split_is_used() -> None:
    splits = np.arange(20) % 3
    for number, part in enumerate(("train", "val", "test")):
        assert (ImageDataset(_table(splits=splits), part).indices == np.flatnonzero(splits == number)).all()
    assert len(ImageDataset(_table(splits=splits), "all")) == 20


def test_parts_of_a_source_without_split_are_disjoint_by_subject() -> None:
    table = _table(subjects=np.arange(20) // 2)
    parts = [ImageDataset(table, part, seed=3).indices for part in ("train", "val", "test")]
    assert sorted(np.concatenate(parts)) == list(range(20))
    assert sum(len(set(part // 2)) for part in parts) == 10


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float64, ">i2"], ids=str)
def test_other_types_are_measured_on_the_training_part_only(dtype: Any) -> None:
    values = IMAGES.astype(dtype)
    splits = np.array([0] * 10 + [1] * 10)
    values[splits == 1] += 1000
    train, val = (ImageDataset(_table(images=values, splits=splits), part) for part in ("train", "val"))
    assert train.intensity == val.intensity
    assert train.intensity.maximum <= 255
    assert float(train[0]["image"].min()) >= -1
    assert (val[0]["image"] == 1).all()


@pytest.mark.parametrize(
    "intensity",
    [(-10, 300), {"minimum": -10, "maximum": 300}, IntensityScale(-10, 300)],
    ids=["pair", "mapping", "scale"],
)
def test_intensity_can_be_given(intensity: Any) -> None:
    data = ImageDataset(_table(), "all", intensity=intensity)
    assert (data.intensity.minimum, data.intensity.maximum) == (-10, 300)


@pytest.mark.parametrize(
    ("shape", "dims", "channels"),
    [((4, 6, 8), 2, 1), ((4, 3, 6, 8), 2, 3), ((4, 6, 8, 3), 2, 3), ((4, 5, 6, 7), 3, 1), ((4, 2, 5, 6, 7), 3, 2)],
    ids=["grey", "colour_first", "colour_last", "volume", "volume_with_channels"],
)
def test_axes_of_arrays(shape: tuple[int, ...], dims: int, channels: int) -> None:
    images = np.zeros(shape, dtype=np.uint8)
    data = ImageDataset(_table(images=images), "all", spatial_dims=dims, in_channels=channels)
    sample = data[0]["image"]
    assert sample.ndim == dims + 1
    assert sample.shape[0] == channels


def test_grey_saved_as_colour_is_grey() -> None:
    colour = np.repeat(IMAGES[..., None], 3, axis=-1).transpose(0, 3, 1, 2)
    assert ImageDataset(_table(images=colour), "all")[0]["image"].shape == (1, 6, 8)


def test_resized_when_asked() -> None:
    data = ImageDataset(_table(), "all", image_size=(4, 4))
    assert data[0]["image"].shape == (1, 4, 4)
    assert data.image_size == (4, 4)


def test_transform_gets_the_scaled_sample_and_gives_plain_tensors() -> None:
    data = ImageDataset(_table(), "all", transform=[EnsureTyped("image"), RandFlipd("image", prob=1.0, spatial_axis=1)])
    assert isinstance(EnsureTyped("image")({"image": np.zeros((1, 2, 2))})["image"], MetaTensor)
    assert type(data[0]["image"]) is torch.Tensor
    assert torch.equal(data[0]["image"], ImageDataset(_table(), "all")[0]["image"].flip(2))


def test_keys_can_be_named() -> None:
    data = ImageDataset(_table(labels=np.zeros(20)), "all", key="real", label_key="class")
    assert set(data[0]) == {"real", "class"}


def test_samples_do_not_share_the_cache() -> None:
    data = ImageDataset(_table(), "all")
    data[0]["image"].zero_()
    assert data[0]["image"].std() > 0


def test_iteration_ends() -> None:
    assert len(list(ImageDataset(_table(), "all"))) == 20


@pytest.mark.parametrize(
    ("known", "arguments", "reason"),
    [
        pytest.param(
            {}, {"spatial_dims": 3}, r"image 0 of 'test' has the shape \(6, 8\).*3 dimensions", id="dimensionality"
        ),
        pytest.param({}, {"in_channels": 3}, r"not 3 channel\(s\) in 2", id="channels"),
        pytest.param({}, {"spatial_dims": 4}, "spatial_dims=4", id="four_dimensions"),
        pytest.param({}, {"split": "training"}, "split='training' is unknown", id="part_name"),
        pytest.param({"splits": np.zeros(20)}, {"split": "val"}, r"holds no image \(train 20, val 0", id="empty_part"),
        pytest.param({}, {"image_size": (4, 4, 4)}, "not a size in 2 dimensions", id="size"),
        pytest.param({"images": IMAGES[:0]}, {}, "holds no image", id="empty"),
        pytest.param({"images": np.full((3, 4, 4), 2.0)}, {}, "every image value is 2", id="constant"),
    ],
)
def test_what_does_not_fit_is_named(known: dict[str, Any], arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        ImageDataset(_table(**known), **({"split": "all"} | arguments))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("intensity", [None, (0, 1)], ids=["measured", "given"])
def test_nan_names_the_image(value: float, intensity: Any) -> None:
    images = np.random.default_rng(0).random((5, 4, 4))
    images[3, 1, 1] = value
    with pytest.raises(InputError, match="image 3 of 'test' holds NaN or infinite"):
        ImageDataset(_table(images=images), "all", intensity=intensity)


def test_real_classes_stream_with_their_labels(data_root: Path) -> None:
    data = ImageDataset("mednist64")
    batch = next(StreamLoader(data, 64).stream())
    assert batch["image"].shape == (64, 1, 64, 64)
    assert batch["image"].min() >= -1
    assert batch["image"].max() <= 1
    assert len(batch["label"].unique()) > 3
    assert data.label_names[2] == "CXR"


def test_stack_gives_the_first_images_in_order() -> None:
    images = np.arange(4, dtype=np.uint8)[:, None, None].repeat(6, 1).repeat(6, 2)
    data = ImageDataset(_table(images=images), "all")
    assert data.stack().shape == (4, 1, 6, 6)
    assert torch.equal(data.stack(2), torch.stack([data[0]["image"], data[1]["image"]]))
