"""Draws of random transforms, made once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.transforms import RandScaleIntensityd

from monai_gan.data import DrawnDataset, ImageDataset, ImageTable, StreamLoader
from monai_gan.errors import InputError


def dataset() -> ImageDataset:
    images = np.random.default_rng(0).integers(0, 255, (5, 6, 6)).astype(np.uint8)
    table = ImageTable("five", images, labels=np.arange(5), splits=np.zeros(5))
    return ImageDataset(table, transform=RandScaleIntensityd("image", factors=0.5, prob=1.0))


def test_draws_differ_from_each_other_and_never_change() -> None:
    drawn, again = DrawnDataset(dataset(), copies=3, seed=1), DrawnDataset(dataset(), copies=3, seed=1)
    assert len(drawn) == 15
    assert [int(drawn[i]["label"]) for i in range(15)] == [0, 1, 2, 3, 4] * 3
    assert torch.equal(drawn[7]["image"], drawn[7]["image"])
    assert torch.equal(drawn[7]["image"], again[7]["image"])
    assert not torch.equal(drawn[2]["image"], drawn[7]["image"])
    assert not torch.equal(drawn[7]["image"], DrawnDataset(dataset(), copies=3, seed=2)[7]["image"])
    assert drawn.intensity == dataset().intensity
    batch = next(iter(StreamLoader(drawn, 4)))
    assert batch["image"].shape == (4, 1, 6, 6)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="copies=0 is not possible"):
        DrawnDataset(dataset(), copies=0)
    with pytest.raises(IndexError, match="item 5 of 5 draws"):
        DrawnDataset(dataset())[5]
