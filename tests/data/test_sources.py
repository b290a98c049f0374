"""What a source means, and what is said when it means nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_gan.data import named_sets, open_source
from monai_gan.errors import InputError

IMAGES = np.zeros((3, 4, 4), dtype=np.uint8)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one plain set, one set of two classes and one single archive."""
    for name in ("one/one", "two/cat", "two/dog", "single"):
        path = tmp_path / "sets" / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, images=IMAGES)
    (tmp_path / "sets" / "README.md").write_text("about")
    monkeypatch.setenv("MONAI_GAN_DATA", str(tmp_path / "sets"))
    return tmp_path / "sets"


def test_named_sets_lists_sets_and_their_classes(root: Path) -> None:
    assert named_sets() == ["one", "single", "two", "two/cat", "two/dog"]


def test_every_listed_set_opens(root: Path) -> None:
    sizes = {name: len(open_source(name)) for name in named_sets()}
    assert sizes == {"one": 3, "single": 3, "two": 6, "two/cat": 3, "two/dog": 3}


def test_classes_are_numbered_by_sorted_name(root: Path) -> None:
    table = open_source("two")
    assert table.label_names == ("cat", "dog")
    assert table.labels is not None
    assert table.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_a_path_comes_before_a_named_set(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "one", images=np.zeros((7, 4, 4)))
    monkeypatch.chdir(tmp_path)
    assert len(open_source("one.npz")) == 7
    assert len(open_source(root / "one" / "one.npz")) == 3


def test_unknown_set_says_what_there_is(root: Path) -> None:
    with pytest.raises(InputError, match=r"lacks it; it has: one, single, two, two/cat, two/dog"):
        open_source("three")


def test_unset_variable_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONAI_GAN_DATA", raising=False)
    assert named_sets() == []
    with pytest.raises(InputError, match="MONAI_GAN_DATA is unset"):
        open_source("mednist64/CXR")


def test_a_single_image_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match="is one file"):
        open_source(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "n", "classes"),
    [
        ("mednist64/CXR", 5000, ()),
        ("mednist64", 14000, ("AbdomenCT", "BreastMRI", "CXR", "ChestCT", "Hand", "HeadCT")),
        ("pneumoniamnist28", 2932, ()),
        ("busi128", 664, ()),
        ("brain_tumor_t1c", 270, ()),
        ("hippocampus3d", 226, ()),
    ],
)
def test_real_sets_open_with_their_split(data_root: Path, name: str, n: int, classes: tuple[str, ...]) -> None:
    table = open_source(name)
    assert len(table) == n
    assert table.label_names == classes
    assert table.splits is not None
    assert set(np.unique(table.splits)) == {0, 1, 2}


def test_real_subjects_stay_in_their_split(data_root: Path) -> None:
    table = open_source("brain_tumor_t1c")
    assert table.subjects is not None
    assert table.splits is not None
    people = [set(table.subjects[table.splits == part]) for part in range(3)]
    assert sum(len(p) for p in people) == len(set.union(*people)) == 9
