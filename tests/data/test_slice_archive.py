"""Slices of several contrasts as single images whose class is the contrast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_gan.data import ImageDataset, contrast_slices, open_source
from monai_gan.errors import InputError


def write_slices(path: Path, **changes: Any) -> Path:
    """Three slices of two contrasts, the second slice without its T2; every image has one grey level."""
    levels = np.array([[10, 11], [20, 0], [30, 31]], dtype=np.uint8)
    arrays: dict[str, Any] = {
        "images": np.broadcast_to(levels[..., None, None], (3, 2, 4, 4)),
        "contrasts": np.array(["T1", "T2"]),
        "available": np.array([[True, True], [True, False], [True, True]]),
        "subject": np.array(["a", "a", "b"]),
        "split": np.array([0, 0, 2]),
    }
    arrays |= changes
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def test_every_contrast_that_is_there_is_an_image_of_its_class(tmp_path: Path) -> None:
    table = contrast_slices(write_slices(tmp_path / "slices.npz"))
    assert table.label_names == ("T1", "T2")
    found = [(int(image[0, 0]), int(label)) for image, label in zip(table.images, table.labels, strict=True)]  # type: ignore[arg-type]
    assert found == [(10, 0), (11, 1), (20, 0), (30, 0), (31, 1)]
    assert list(table.subjects) == ["a", "a", "a", "b", "b"]  # type: ignore[arg-type]
    train = ImageDataset(table, "train")
    assert len(train) == 3
    assert train[1]["label"] == 1


def test_order_of_contrasts_gives_the_class_numbers(tmp_path: Path) -> None:
    write_slices(tmp_path / "slices.npz")
    table = contrast_slices(tmp_path, ["T2"])
    assert [int(image[0, 0]) for image in table.images] == [11, 31]  # type: ignore[attr-defined]
    assert contrast_slices(tmp_path, ["T2", "T1"]).label_names == ("T2", "T1")


@pytest.mark.parametrize(
    ("changes", "contrasts", "text"),
    [
        ({}, ["FLAIR"], "contrasts FLAIR are not in .*, which has T1, T2"),
        ({"available": None}, None, "lacks available: give an archive with"),
        ({"available": np.ones((3, 3))}, None, r"available of shape \(3, 3\), but there are 2 contrasts"),
    ],
)
def test_other_archives_are_refused(
    tmp_path: Path, changes: dict[str, Any], contrasts: list[str] | None, text: str
) -> None:
    path = write_slices(tmp_path / "slices.npz", **changes)
    with pytest.raises(InputError, match=text):
        contrast_slices(path, contrasts)


def test_missing_and_damaged_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read as .npz"):
        contrast_slices(tmp_path)
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="cannot be read as .npz"):
        contrast_slices(tmp_path / "broken.npz")


def test_a_source_is_opened_as_such_an_archive(tmp_path: Path) -> None:
    path = write_slices(tmp_path / "slices.npz")
    for source in (path, tmp_path):
        assert open_source(source).label_names == ("T1", "T2")
