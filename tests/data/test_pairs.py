"""Paired volumes are found in the layouts of the public sets, split by subject, and repeated evenly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monai_gan.data import balanced_samples, volume_pairs
from monai_gan.errors import InputError


def touch(root: Path, *names: str) -> Path:
    """Empty files: listing opens no image."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    (tmp_path / "sessions.tsv").write_text(
        "subject\tsession\tsplit\na\tses-1\ttrain\na\tses-2\ttrain\nb\tses-1\ttrain\nc\tses-1\ttest\n"
    )
    pairs = [f"{folder}/{name}.nii.gz" for folder in ("a/ses-1", "a/ses-2", "c/ses-1") for name in ("T1", "T2")]
    return touch(tmp_path, *pairs, "a/ses-1/brainmask.nii.gz", "c/ses-1/lesion.nii.gz", "b/ses-1/T1.nii.gz")


def test_sessions_with_both_contrasts_are_listed_by_the_tables_own_split(sessions: Path) -> None:
    first, second = volume_pairs(sessions, "t1", "T2", "train")
    assert first == {
        "image": str(sessions / "a/ses-1/T1.nii.gz"),
        "target": str(sessions / "a/ses-1/T2.nii.gz"),
        "mask": str(sessions / "a/ses-1/brainmask.nii.gz"),
        "subject": "a",
        "session": "ses-1",
    }
    assert (second["session"], "mask" in second) == ("ses-2", False)
    (test,) = volume_pairs(sessions, "T1", "T2", "test")
    assert test["lesion"] == str(sessions / "c/ses-1/lesion.nii.gz")


def test_a_name_is_found_under_the_data_folder(sessions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONAI_GAN_DATA", str(sessions.parent))
    assert len(volume_pairs(sessions.name, "T1", "T2")) == 2


def test_subjects_are_left_out(sessions: Path) -> None:
    table = sessions / "sessions.tsv"
    table.write_text(table.read_text() + "d\tses-1\ttrain\n")
    touch(sessions, "d/ses-1/T1.nii.gz", "d/ses-1/T2.nii.gz")
    assert {one["subject"] for one in volume_pairs(sessions, "T1", "T2")} == {"a", "d"}
    assert {one["subject"] for one in volume_pairs(sessions, "T1", "T2", leave_out=["a"])} == {"d"}
    with pytest.raises(InputError, match="leave out fewer"):
        volume_pairs(sessions, "T1", "T2", leave_out=["a", "d"])
    with pytest.raises(InputError, match="leave_out names x, but"):
        volume_pairs(sessions, "T1", "T2", leave_out=["a", "x"])


def ixi(root: Path) -> Path:
    names = [f"IXI{number:03d}-Guys-08{number:02d}" for number in range(10)]
    files = [f"IXI-{contrast}/{name}-{contrast}.nii.gz" for contrast in ("T1", "T2") for name in names]
    return touch(root, *files, "IXI-T1/IXI099-HH-1234-T1.nii.gz")


def brats(root: Path) -> Path:
    files = []
    for number in range(10):
        folder = f"BraTS20_Training_{number:03d}"
        files += [f"data/{folder}/{folder}_{end}.nii.gz" for end in ("t1", "t1ce", "t2", "flair", "seg")]
    return touch(root, *files)


def synthrad(root: Path) -> Path:
    return touch(
        root,
        *(f"Task1/brain/1BA{number:03d}/{end}.nii.gz" for number in range(10) for end in ("mr", "ct", "mask")),
        "Task1/pelvis/1PA001/mr.nii.gz",
        "Task1/brain/overview/1BA001_train.png",
    )


@pytest.mark.parametrize(
    ("make", "contrasts", "more"),
    [
        pytest.param(ixi, ("T1", "T2"), set(), id="ixi"),
        pytest.param(brats, ("T1", "FLAIR"), {"lesion"}, id="brats"),
        pytest.param(synthrad, ("MR", "CT"), {"mask"}, id="synthrad"),
    ],
)
def test_public_sets_are_split_by_subject(
    make: Callable[[Path], Path], contrasts: tuple[str, str], more: set[str], tmp_path: Path
) -> None:
    root = make(tmp_path)
    parts = [volume_pairs(root, *contrasts, split, make.__name__) for split in ("train", "val", "test")]  # type: ignore[arg-type]
    assert [len(part) for part in parts] == [8, 1, 1]
    samples = [sample for part in parts for sample in part]
    assert len({sample["subject"] for sample in samples}) == 10
    for sample in samples:
        assert set(sample) == {"image", "target", "subject", "session"} | more
        assert sample["subject"] in sample["image"]
        assert sample["subject"] in sample["target"]
    assert parts[0] == volume_pairs(root, *contrasts, "train", make.__name__)  # type: ignore[arg-type]
    assert parts[0] != volume_pairs(root, *contrasts, "train", make.__name__, seed=1)  # type: ignore[arg-type]


def test_brats_since_2023_has_examinations(tmp_path: Path) -> None:
    folders = [f"BraTS-GLI-{number:05d}-00{date}" for number in range(10) for date in range(2)]
    root = touch(tmp_path, *(f"{folder}/{folder}-{end}.nii.gz" for folder in folders for end in ("t1n", "t2w", "t1c")))
    samples = volume_pairs(root, "T1", "T2", "train", "brats")
    assert len(samples) == 16
    assert samples[0]["session"] == "000"
    assert samples[0]["subject"] == samples[1]["subject"]
    assert samples[0]["image"].endswith("-t1n.nii.gz")


def test_errors_name_the_remedy(sessions: Path) -> None:
    with pytest.raises(InputError, match="split='all' is unknown: give one of train, val, test"):
        volume_pairs(sessions, "T1", "T2", "all")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="layout='bids' is unknown: give one of sessions, ixi"):
        volume_pairs(sessions, "T1", "T2", layout="bids")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not laid out as layout='ixi' \\(IXI: "):
        volume_pairs(sessions, "T1", "T2", layout="ixi")
    with pytest.raises(InputError, match="image='T1' and target='PD': its contrasts are t1, t2"):
        volume_pairs(sessions, "T1", "PD")
    with pytest.raises(InputError, match="split='val' .* has no session left with both"):
        volume_pairs(sessions, "T1", "T2", "val")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        volume_pairs(sessions / "nothing", "T1", "T2")


def test_every_subject_comes_equally_often_in_all_its_forms() -> None:
    samples = [
        {"image": "1", "subject": "a", "mask": "m"},
        {"image": "2", "subject": "b"},
        {"image": "3", "subject": "b"},
    ]
    repeated = balanced_samples(samples, 8, margins=(None, 2))
    assert [sample["subject"] for sample in repeated] == ["a", "b"] * 4
    assert [sample.get("margin") for sample in repeated[::2]] == [None, 2.0, None, 2.0]
    assert [sample["image"] for sample in repeated[1::2]] == ["2", "3", "2", "3"]
    with pytest.raises(InputError, match="length=0: give at least one"):
        balanced_samples(samples, 0)
