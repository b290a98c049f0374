"""Real images are parted by subject, and all images come in one size and one unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_images import write_tiny_images

from monai_gan.apps.evaluation_sources import ImageForm, as_size, count_copies, part_real_images, training_images
from monai_gan.data import IntensityScale
from monai_gan.errors import InputError

GREY = IntensityScale(0.0, 255.0)


def write(path: Path, n: int = 12, **more: Any) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (n, 8, 8), dtype=np.uint8)
    np.savez(path, **{"images": images, **more})
    return path


def test_a_split_of_its_own_is_kept(tmp_path: Path) -> None:
    split = np.repeat([0, 1, 2], 4)
    table, has_train = part_real_images(write(tmp_path / "a.npz", split=split), 2, 0)
    assert has_train
    assert table.splits is not None
    assert table.splits.tolist() == split.tolist()


@pytest.mark.parametrize("held_out", [1, 2])
def test_one_held_out_part_is_halved(held_out: int, tmp_path: Path) -> None:
    split = np.repeat([0, held_out], 6)
    table, has_train = part_real_images(write(tmp_path / "a.npz", split=split), 2, 0)
    assert has_train
    assert table.splits is not None
    assert np.bincount(table.splits).tolist() == [6, 3, 3]
    assert not table.splits[:6].any()


def test_without_a_split_subjects_are_halved(tmp_path: Path) -> None:
    subject = np.repeat(np.arange(6), 2)
    table, has_train = part_real_images(write(tmp_path / "a.npz", subject=subject), 2, 3)
    assert not has_train
    assert table.splits is not None
    assert np.bincount(table.splits, minlength=3).tolist() == [0, 6, 6]
    assert all(len(set(table.splits[subject == one])) == 1 for one in range(6))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        pytest.param({"split": np.zeros(12, np.int64)}, "holds training images only", id="training-only"),
        pytest.param({"subject": np.zeros(12, np.int64)}, "all 12 are of one subject", id="one-subject"),
    ],
)
def test_images_that_cannot_be_a_reference(more: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        part_real_images(write(tmp_path / "a.npz", **more), 2, 0)


def test_training_images_are_the_training_part_or_all(tmp_path: Path) -> None:
    parted = write(tmp_path / "a.npz", split=np.repeat([0, 1, 2], 4))
    assert len(training_images(ImageForm(), parted)) == 4
    assert len(training_images(ImageForm(), write(tmp_path / "b.npz"))) == 12


@pytest.mark.parametrize(
    ("low", "high", "ok"),
    [
        pytest.param(0, 255, True, id="same"),
        pytest.param(20, 200, True, id="less-contrast"),
        pytest.param(0, 1, False, id="unit-range"),
        pytest.param(-1000, 1000, False, id="hounsfield"),
    ],
)
def test_other_units_are_refused(low: float, high: float, ok: bool, tmp_path: Path) -> None:
    images = np.random.default_rng(0).uniform(low, high, (6, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "a.npz", images=images)
    form = ImageForm(scale=GREY)
    if ok:
        stacked = form.stack(tmp_path / "a.npz").numpy()
        assert stacked[:, 0] == pytest.approx(images / 127.5 - 1, abs=1e-5), "in the scale asked for, not in its own"
        return
    with pytest.raises(InputError, match="bring both to the same units"):
        form.stack(tmp_path / "a.npz")


def test_another_size_is_refused_and_resizing_helps(tmp_path: Path) -> None:
    source = write_tiny_images(tmp_path / "a.npz", n=3, size=8)
    assert ImageForm(size=(16, 16)).stack(source).shape == (3, 1, 16, 16)


def test_copies_are_counted(tmp_path: Path) -> None:
    images = ImageForm().stack(write(tmp_path / "a.npz"))
    assert count_copies(images[:5], images[3:4], images[4:]) == 2


@pytest.mark.parametrize("size", [0, (4,), (4, 4, 4), (4, -1)])
def test_what_is_no_size(size: Any) -> None:
    with pytest.raises(InputError, match="image_size"):
        as_size(size, 2)
