"""Which images of a source are normal, and which are kept for calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_gan.data import ImageDataset, ImageTable, normal_images, open_source
from monai_gan.errors import InputError


def table(**changes: Any) -> ImageTable:
    masks = np.zeros((6, 4, 4), np.uint8)
    masks[[1, 4], 2, 2] = 1
    arrays: dict[str, Any] = {
        "images": np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((4, 4), np.uint8),
        "labels": np.array([0, 1, 0, 0, 1, 0]),
        "subjects": np.array([7, 7, 8, 8, 9, 9]),
        "splits": np.array([0, 0, 0, 0, 1, 2]),
        "masks": masks,
    }
    return ImageTable("six", **{**arrays, **changes})


def numbers(found: ImageTable) -> list[int]:
    return [int(image[0, 0]) for image in found.images]


def test_masks_or_a_class_tell_the_normal_images() -> None:
    for found in (normal_images(table()), normal_images(table(), label=0)):
        assert numbers(found) == [0, 2, 3, 5]
        assert found.splits is not None
        assert found.splits.tolist() == [0, 0, 0, 2]
        assert found.masks is None
        assert found.image_name(1) == "image 2 of 'six'"


def test_held_out_subjects_are_for_calibration() -> None:
    found = normal_images(table(), held_out=[8])
    train, val = (ImageDataset(found, part) for part in ("train", "val"))  # type: ignore[arg-type]
    assert found.splits is not None
    assert found.splits.tolist() == [0, 1, 1, 0]
    assert (len(train), len(val)) == (2, 2)


def test_masks_are_read_from_an_archive(tmp_path: Path) -> None:
    given = table()
    np.savez(tmp_path / "set.npz", images=given.images, masks=given.masks, subject=given.subjects)
    found = open_source(tmp_path / "set.npz")
    assert found.masks is not None
    assert np.array_equal(found.masks, given.masks)  # type: ignore[arg-type]
    assert numbers(normal_images(tmp_path / "set.npz", held_out=[9])) == [0, 2, 3, 5]


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"masks": None}, {}, "does not tell which images are normal"),
        ({"labels": None}, {"label": 0}, "has no labels"),
        ({}, {"label": 3}, "holds no normal image"),
        ({}, {"held_out": [8, 10]}, r"held_out=\['10'\] are no subjects .* it has \['7', '8', '9'\]"),
        ({"subjects": None}, {"held_out": [8]}, "does not tell its subjects"),
    ],
)
def test_what_cannot_be_told_is_refused(changes: dict[str, Any], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        normal_images(table(**changes), **arguments)
