"""Folders: every format, what the names say of class and subject, and empty ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest
from PIL import Image

from monai_gan.data import ImageDataset
from monai_gan.data.folder import read_folder
from monai_gan.errors import InputError

PIXELS = np.arange(16, dtype=np.uint8).reshape(4, 4)


def _pictures(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS + number).save(path)
    return folder


def _nifti(path: Path, array: np.ndarray) -> None:
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), path)


@pytest.mark.parametrize("kind", ["png", "tif", "nii.gz", "nrrd", "dcm"])
def test_every_format_gives_the_same_samples_in_2d(tmp_path: Path, dicom: Callable[..., Path], kind: str) -> None:
    for number in range(3):
        path, pixels = tmp_path / f"p{number}_0.{kind}", PIXELS + 10 * number
        if kind in ("png", "tif"):
            Image.fromarray(pixels).save(path)
        elif kind == "nii.gz":
            _nifti(path, pixels.T[..., None])
        elif kind == "nrrd":
            nrrd.write(str(path), np.ascontiguousarray(pixels.T), index_order="F")
        else:
            dicom(path, pixels, number, RescaleSlope=None, RescaleIntercept=None)
    data = ImageDataset(tmp_path, "all", intensity=(0, 255))
    assert len(data) == 3
    for number, sample in enumerate(data):
        assert (data.intensity.to_image(sample["image"]).round().numpy()[0] == PIXELS + 10 * number).all()


@pytest.mark.parametrize("kind", ["nii.gz", "nrrd", "dicom"])
def test_volumes_of_every_format(tmp_path: Path, dicom: Callable[..., Path], kind: str) -> None:
    volume = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    for number in range(2):
        if kind == "nii.gz":
            _nifti(tmp_path / f"p{number}.nii.gz", volume + number)
        elif kind == "nrrd":
            nrrd.write(str(tmp_path / f"p{number}.nrrd"), volume + number, index_order="F")
        else:
            (tmp_path / f"series{number}").mkdir()
            for k in range(5):
                pixels = np.ascontiguousarray((volume[:, :, k] + number + 1000).T).astype(np.uint16)
                dicom(tmp_path / f"series{number}" / f"{k}.dcm", pixels, k)
    data = ImageDataset(tmp_path, "all", spatial_dims=3, intensity=(0, 100))
    assert len(data) == 2
    assert data.label_names == ()
    for number, sample in enumerate(data):
        assert np.allclose(data.intensity.to_image(sample["image"]).numpy()[0], volume + number, atol=1e-4)


def test_subfolders_are_classes(tmp_path: Path) -> None:
    table = read_folder(_pictures(tmp_path, "normal/a_1.png", "normal/b_1.png", "ill/deeper/a_2.png"))
    assert table.label_names == ("ill", "normal")
    assert table.labels is not None
    assert table.labels.tolist() == [0, 1, 1]
    assert table.subjects is not None
    assert table.subjects.tolist() == ["a", "a", "b"], "a person in two classes stays one person"


@pytest.mark.parametrize("names", [("a.png", "b.png"), ("only/a.png", "only/b.png")], ids=["flat", "one_subfolder"])
def test_one_place_is_no_class(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert read_folder(_pictures(tmp_path, *names)).labels is None


def test_bids_folders_are_subjects(tmp_path: Path) -> None:
    table = read_folder(_pictures(tmp_path, "sub-01/x/sub-01_a.png", "sub-01/y/sub-01_b.png", "sub-02/x/sub-02_a.png"))
    assert table.labels is None
    assert table.subjects is not None
    assert table.subjects.tolist() == ["sub-01", "sub-01", "sub-02"]


def test_folders_with_the_same_few_names_are_subjects(tmp_path: Path) -> None:
    people = ("anna", "bert", "carl")
    table = read_folder(_pictures(tmp_path, *[f"{who}/day1/{name}.png" for who in people for name in ("T1", "T2")]))
    assert table.labels is None
    assert table.subjects is not None
    assert table.subjects.tolist() == ["anna", "anna", "bert", "bert", "carl", "carl"]


def test_names_without_a_subject_give_one_per_image(tmp_path: Path) -> None:
    table = read_folder(_pictures(tmp_path, "IMG_1.png", "IMG_2.png", "IMG_3.png"))
    assert table.subjects is not None
    assert len(set(table.subjects)) == 3


def test_dicom_patient_is_the_subject(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    for number, patient in enumerate(["x", "y", "x"]):
        dicom(tmp_path / f"{number}.dcm", PIXELS, number, PatientID=patient)
    table = read_folder(tmp_path)
    assert table.subjects is not None
    assert table.subjects.tolist() == ["x", "y", "x"]


def test_hidden_and_other_files_are_passed_over(tmp_path: Path) -> None:
    _pictures(tmp_path, "a.png", ".hidden.png", ".cache/b.png")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "a.json").write_text("{}")
    assert len(read_folder(tmp_path)) == 1


def test_split_keeps_the_slices_of_a_person_together(tmp_path: Path) -> None:
    _pictures(tmp_path, *[f"p{i}_s{k}.png" for i in range(5) for k in range(3)])
    parts = [ImageDataset(tmp_path, part, split_fractions=(0.6, 0.2, 0.2)) for part in ("train", "val", "test")]
    assert [len(part) for part in parts] == [9, 3, 3]
    people = [{int(index) // 3 for index in part.indices} for part in parts]
    assert set.union(*people) == set(range(5))
    assert sum(map(len, people)) == 5


def test_sizes_must_agree_or_be_chosen(tmp_path: Path) -> None:
    _pictures(tmp_path, "a.png")
    Image.fromarray(PIXELS[:3]).save(tmp_path / "b.png")
    with pytest.raises(InputError, match=r"b\.png' has the size \(3, 4\) but .*a\.png' has \(4, 4\): give image_size"):
        ImageDataset(tmp_path, "all")
    assert ImageDataset(tmp_path, "all", image_size=8)[1]["image"].shape == (1, 8, 8)


def test_large_sets_stay_on_disk(tmp_path: Path) -> None:
    _pictures(tmp_path, "a.png", "b.png", "c.png")
    cached, lazy = ImageDataset(tmp_path, "all"), ImageDataset(tmp_path, "all", cache_bytes=40)
    (tmp_path / "b.png").unlink()
    assert cached[1]["image"].shape == (1, 4, 4)
    assert (cached[2]["image"] == lazy[2]["image"]).all()
    with pytest.raises(InputError, match=r"b\.png' does not exist"):
        lazy[1]


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no image"):
        ImageDataset(tmp_path)


def test_nan_is_named(tmp_path: Path) -> None:
    _nifti(tmp_path / "a.nii.gz", np.zeros((4, 4, 4), np.float32))
    _nifti(tmp_path / "b.nii.gz", np.full((4, 4, 4), np.nan, np.float32))
    with pytest.raises(InputError, match=r"b\.nii\.gz' holds 64 NaN"):
        ImageDataset(tmp_path, "all", spatial_dims=3, intensity=(0, 1))
