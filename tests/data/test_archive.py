"""`.npz` archives in the layouts that are read, and those that are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_gan.data.archive import join_classes, read_archive
from monai_gan.errors import InputError

IMAGES = np.arange(4 * 9, dtype=np.uint8).reshape(4, 3, 3)


def _save(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)
    return path


def test_what_is_known_of_each_image_is_kept(tmp_path: Path) -> None:
    path = _save(
        tmp_path / "a.npz",
        images=IMAGES,
        labels=np.array([[0], [1], [0], [1]]),
        label_names=["no", "yes"],
        split=["train", "test", "val", "train"],
        subject=["a", "a", "b", "c"],
        unrelated=np.zeros(2),
    )
    table = read_archive(path)
    assert (np.asarray(table.images) == IMAGES).all()
    assert table.labels is not None
    assert table.labels.tolist() == [0, 1, 0, 1]
    assert table.label_names == ("no", "yes")
    assert table.splits is not None
    assert table.splits.tolist() == [0, 2, 1, 0]
    assert table.subjects is not None
    assert table.subjects.tolist() == ["a", "a", "b", "c"]


def test_a_segmentation_is_no_class(tmp_path: Path) -> None:
    assert read_archive(_save(tmp_path / "a.npz", images=IMAGES, labels=IMAGES)).labels is None


def test_medmnist_layout(tmp_path: Path) -> None:
    path = _save(
        tmp_path / "a.npz",
        train_images=IMAGES,
        test_images=IMAGES[:2],
        train_labels=np.arange(4)[:, None],
        test_labels=np.arange(2)[:, None],
    )
    table = read_archive(path)
    assert table.splits is not None
    assert table.splits.tolist() == [0, 0, 0, 0, 2, 2]
    assert table.labels is not None
    assert table.labels.tolist() == [0, 1, 2, 3, 0, 1]


def test_joined_classes_keep_split_and_subject(tmp_path: Path) -> None:
    paths = [
        _save(tmp_path / f"{name}.npz", images=IMAGES, split=[0, 1, 2, 0], subject=list("abcd")) for name in ("b", "a")
    ]
    table = join_classes(paths)
    assert table.label_names == ("a", "b")
    assert table.splits is not None
    assert table.subjects is not None
    assert table.splits.tolist() == [0, 1, 2, 0] * 2


def test_classes_of_different_size_are_refused(tmp_path: Path) -> None:
    paths = [_save(tmp_path / "a.npz", images=IMAGES), _save(tmp_path / "b.npz", images=IMAGES[:, 1:])]
    with pytest.raises(InputError, match="name one of them"):
        join_classes(paths)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        pytest.param({"pictures": IMAGES}, "no array 'images'", id="other_name"),
        pytest.param({"images": IMAGES[0]}, "no array 'images'", id="one_image"),
        pytest.param({"images": IMAGES[:0]}, "no array 'images'", id="no_image"),
        pytest.param({"images": IMAGES.astype(object)}, "without objects", id="pickle_inside"),
        pytest.param({"images": IMAGES.astype(str)}, "give numbers", id="text"),
        pytest.param({"images": IMAGES, "split": [0, 1]}, "one per image", id="short_split"),
        pytest.param({"images": IMAGES, "split": [0, 1, 2, 3]}, "other values", id="unknown_part"),
        pytest.param({"images": IMAGES, "split": ["a", "b", "c", "d"]}, "other values", id="unknown_part_name"),
        pytest.param({"images": IMAGES, "subject": ["a"]}, "one per image", id="short_subject"),
    ],
)
def test_wrong_content_is_refused(tmp_path: Path, arrays: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_archive(_save(tmp_path / "a.npz", **arrays))


def test_damaged_and_missing_files_are_refused(tmp_path: Path) -> None:
    whole = _save(tmp_path / "a.npz", images=IMAGES).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:-30])
    (tmp_path / "text.npz").write_text("hello")
    for name, reason in (("cut", "cannot be read"), ("text", "cannot be read"), ("absent", "does not exist")):
        with pytest.raises(InputError, match=reason):
            read_archive(tmp_path / f"{name}.npz")
