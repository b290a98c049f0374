"""Marks are found where they stand, and missed where another program dropped them."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pydicom
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydicom.uid import ImplicitVRLittleEndian

from monai_gan.data import Provenance, write_image
from monai_gan.data.marks import read_marks
from monai_gan.errors import InputError

MADE = Provenance(bundle="chest", version="0.1.0", seed=3, index=1, date="2025-01-02T03:04:05+00:00")
IMAGE = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
VOLUME = np.arange(24, dtype=np.uint8).reshape(1, 2, 3, 4)
DICOM_PLACES = ["Synthetic Data", "Series Description", "Patient's Name", "Contributing Equipment", "provenance"]


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("a.png", ["Description", "synthetic", "provenance"]),
        ("a.nii.gz", ["descrip", "provenance"]),
        ("a.nrrd", ["content", "synthetic", "provenance"]),
        ("a.dcm", DICOM_PLACES),
        ("a.json", ["provenance"]),
    ],
)
def test_a_written_file_has_every_mark(tmp_path: Path, name: str, places: list[str]) -> None:
    write_image(tmp_path / name.replace("json", "png"), IMAGE, provenance=MADE)
    marks = read_marks(tmp_path / name)
    assert list(marks.found) == places
    assert marks.missing == marks.against == ()
    assert marks.values == MADE.to_dict()


def test_a_series_has_every_mark(tmp_path: Path) -> None:
    marks = read_marks(write_image(tmp_path / "a.dcm", VOLUME, provenance=MADE))
    assert list(marks.found) == DICOM_PLACES
    assert marks.missing == marks.against == ()
    assert marks.values == MADE.to_dict()


@pytest.mark.parametrize("name", ["a.png", "a.nii.gz", "a.nii", "a.nrrd", "a.jpg", "a.tif"])
def test_an_unmarked_file_has_none_and_lacks_none(tmp_path: Path, name: str) -> None:
    if name.endswith(("jpg", "tif")):
        Image.fromarray(IMAGE[0]).save(tmp_path / name)
    else:
        write_image(tmp_path / name, IMAGE)
    marks = read_marks(tmp_path / name)
    assert (dict(marks.found), marks.missing, marks.against, marks.values) == ({}, (), (), None)


def test_an_unmarked_dicom_file_has_none(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    path = dicom(tmp_path / "scan", IMAGE[0], ImageType=["ORIGINAL", "PRIMARY"], PatientName="Doe^Jane")
    marks = read_marks(path)
    assert (dict(marks.found), marks.missing, marks.against) == ({}, (), ())


def test_synthetic_files_of_other_makers_are_known(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    marks = read_marks(dicom(tmp_path / "a.dcm", IMAGE[0], SyntheticData="YES"))
    assert dict(marks.found) == {"Synthetic Data": "YES"}
    assert marks.values is None
    info = PngInfo()
    info.add_text("Description", "SYNTHETIC face")
    Image.fromarray(IMAGE[0]).save(tmp_path / "a.png", pnginfo=info)
    assert dict(read_marks(tmp_path / "a.png").found) == {"Description": "SYNTHETIC face"}


def test_what_was_dropped_is_missing(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.nii", IMAGE, provenance=MADE)
    image = nibabel.load(path)
    image.header.extensions.clear()
    nibabel.save(image, path)
    assert read_marks(path).missing == ("provenance",)
    path = write_image(tmp_path / "a.nrrd", IMAGE, provenance=MADE)
    array, header = nrrd.read(str(path))
    del header["content"]
    nrrd.write(str(path), array, header)
    assert read_marks(path).missing == ("content",)
    path = write_image(tmp_path / "a.dcm", IMAGE, provenance=MADE)
    data = pydicom.dcmread(path)
    data.remove_private_tags()
    del data.SeriesDescription
    data.save_as(path)
    marks = read_marks(path)
    assert marks.missing == ("Series Description", "provenance")
    assert marks.values is None


def test_private_element_survives_a_syntax_without_types(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.dcm", IMAGE, provenance=MADE)
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    block = data.private_block(0x0099, "MONAI-GAN PROVENANCE")
    text = block[0x01].value
    block.add_new(0x01, "UN", text.encode() + b" " * (len(text) % 2))
    pydicom.dcmwrite(path, data, implicit_vr=True, little_endian=True, enforce_file_format=True)
    assert read_marks(path).values == MADE.to_dict()


def change(path: Path, **tags: object) -> None:
    data = pydicom.dcmread(path)
    for name, value in tags.items():
        setattr(data, name, value)
    data.save_as(path)


def test_statements_against_the_marks(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.dcm", IMAGE, provenance=MADE)
    change(path, SyntheticData="NO", ImageType=["ORIGINAL", "PRIMARY"])
    marks = read_marks(path)
    assert marks.missing == ("Synthetic Data",)
    assert marks.against == ("Synthetic Data (0008,001C) is NO", "Image Type begins with ORIGINAL")
    nrrd.write(str(tmp_path / "a.nrrd"), IMAGE[0], {"content": "SYNTHETIC chest", "synthetic": "false"})
    assert read_marks(tmp_path / "a.nrrd").against == ("the entry 'synthetic' is 'false'",)


def test_a_foreign_slice_in_a_series_is_told(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    folder = write_image(tmp_path / "a.dcm", VOLUME, provenance=MADE)
    dicom(folder / "0002.dcm", IMAGE[0])
    marks = read_marks(folder)
    assert list(marks.found) == list(marks.missing) == DICOM_PLACES
    assert marks.against == ("1 of 4 slices carry no mark, '0002.dcm' among them",)


def test_slices_of_two_origins_are_told(tmp_path: Path) -> None:
    folder = write_image(tmp_path / "a.dcm", VOLUME, provenance=MADE)
    other = write_image(tmp_path / "b.dcm", VOLUME, provenance=Provenance(bundle="chest", version="0.2.0"))
    (other / "0001.dcm").replace(folder / "0001.dcm")
    assert read_marks(folder).against == ("the slices state different origins",)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.png", b"no picture", "damaged"),
        ("a.nii.gz", gzip.compress(b"short", mtime=0), "damaged"),
        ("a.nrrd", b"NRRD", "damaged"),
        ("a.dcm", b"no preamble", "damaged"),
        ("a.json", b"\xff", "damaged"),
        ("a.txt", b"", "format without provenance"),
        ("empty/", b"", "folder without DICOM files"),
        (None, b"", "does not exist"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str | None, content: bytes, reason: str) -> None:
    path = tmp_path / (name or "absent.png")
    if name == "empty/":
        path.mkdir()
    elif name:
        path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_marks(path)
