"""MONAI datasets as a source: MedNIST through monai.apps, and lists of arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.apps import MedNISTDataset
from monai.data import Dataset
from monai.transforms import RandFlipd
from PIL import Image

from monai_gan.data import ImageDataset, StreamLoader, from_monai
from monai_gan.errors import InputError

CLASSES = ("AbdomenCT", "CXR", "Hand")


@pytest.fixture
def mednist(tmp_path: Path) -> Path:
    """The folders of MedNIST with four small JPEG files per class."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(CLASSES):
        folder = tmp_path / "MedNIST" / name
        folder.mkdir(parents=True)
        for index in range(4):
            pixels = np.sort(rng.integers(0, 80, (8, 8)), axis=1) + 80 * number
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{index:06d}.jpeg")
    return tmp_path


def test_mednist_gives_the_samples_of_its_folder(mednist: Path) -> None:
    medical = MedNISTDataset(
        mednist, "training", download=False, val_frac=0.0, test_frac=0.0, progress=False, num_workers=None
    )
    data = from_monai(medical)
    folder = ImageDataset(mednist / "MedNIST", "all")
    assert len(data) == len(folder) == 12
    assert data.label_names == folder.label_names == CLASSES
    found = {(int(s["label"]), s["image"].numpy().tobytes()) for s in data}
    assert found == {(int(s["label"]), s["image"].numpy().tobytes()) for s in folder}
    assert type(data[0]["image"]) is torch.Tensor


def test_mednist_streams_with_augmentation(mednist: Path) -> None:
    medical = MedNISTDataset(mednist, "training", val_frac=0.0, test_frac=0.0, progress=False, num_workers=None)
    data = from_monai(medical, transform=RandFlipd("image", prob=0.5), image_size=16)
    batch = next(StreamLoader(data, 4).stream())
    assert batch["image"].shape == (4, 1, 16, 16)


def test_arrays_with_rows_first_are_not_turned() -> None:
    images = np.arange(48.0, dtype=np.float32).reshape(2, 4, 6)
    data = from_monai(Dataset([{"scan": image} for image in images]), "scan", transpose=False, intensity=(0, 47))
    assert np.allclose(data.intensity.to_image(data[1]["image"]).numpy()[0], images[1], atol=1e-4)
    assert "label" not in data[0]
    assert from_monai(Dataset([{"scan": image} for image in images]), "scan").image_size == (6, 4)


def test_volumes_keep_their_axes() -> None:
    data = from_monai(Dataset([{"image": torch.zeros(1, 4, 5, 6)}]), spatial_dims=3)
    assert data[0]["image"].shape == (1, 4, 5, 6)


def test_missing_key_says_what_there_is() -> None:
    with pytest.raises(InputError, match="image_key='image' is not in the samples of this dataset, which have: scan"):
        from_monai(Dataset([{"scan": np.zeros((4, 4))}]))
