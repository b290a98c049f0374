"""Continuous covariates of images: read beside them, standardised by the training part, refused when damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from monai_gan.data import ImageDataset, StreamLoader
from monai_gan.errors import InputError

AGES = np.array([20.0, 40.0, 60.0, 80.0, 30.0, 50.0])


def write(path: Path, covariates: Any, n: int = 6, **arrays: Any) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (n, 6, 6), dtype=np.uint8)
    np.savez(path, images=images, covariates=covariates, **arrays)
    return path


def test_standardised_by_the_training_part(tmp_path: Path) -> None:
    values = np.stack([AGES, np.ones(6)], axis=1)
    names, split = ["age", "constant"], [0, 0, 0, 0, 1, 2]
    path = write(tmp_path / "a.npz", values, split=split, covariate_names=names, labels=np.arange(6) % 2)
    train, test = ImageDataset(path, "train"), ImageDataset(path, "test")
    assert train.covariate_names == ("age", "constant")
    scaled = torch.stack([train[i]["covariates"] for i in range(4)])
    torch.testing.assert_close(scaled.mean(0), torch.zeros(2))
    torch.testing.assert_close(scaled.std(0, correction=0), torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(test[0]["covariates"], torch.tensor([0.0, 0.0]))
    batch = next(iter(StreamLoader(train, 4)))
    assert batch["covariates"].shape == (4, 2)
    assert batch["covariates"].dtype == torch.float32
    assert batch["label"].shape == (4,)


def test_one_value_per_image_is_a_column(tmp_path: Path) -> None:
    dataset = ImageDataset(write(tmp_path / "a.npz", AGES), "all")
    assert dataset[0]["covariates"].shape == (1,)
    assert "covariates" not in ImageDataset(write_plain(tmp_path / "b.npz"), "all")[0]


def write_plain(path: Path) -> Path:
    np.savez(path, images=np.random.default_rng(0).integers(0, 256, (6, 6, 6), dtype=np.uint8))
    return path


def test_classes_in_archives_keep_theirs(tmp_path: Path) -> None:
    for name, shift in (("ill", 0), ("well", 100)):
        write(tmp_path / f"{name}.npz", AGES + shift)
    joined = ImageDataset(tmp_path, "all")
    assert joined.covariates is not None
    assert joined.covariates.shape == (12, 1)
    assert joined.covariates[:6].mean() < 0 < joined.covariates[6:].mean()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(AGES[:5], r"shape \(5, 1\).*give numbers \(6, K\)", id="too-few"),
        pytest.param(np.array(list("abcdef")), "give numbers", id="text"),
        pytest.param(np.where(AGES == 60, np.nan, AGES), "not finite for image 2", id="nan"),
    ],
)
def test_damaged_covariates(values: np.ndarray, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        ImageDataset(write(tmp_path / "a.npz", values), "all")
