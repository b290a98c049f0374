"""A result that was made from DICOM images joins their study and refers to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from pydicom import Dataset

from monai_gan.data import Provenance, check_provenance, read_image, write_image
from monai_gan.data.dicom_source import DicomSource

MADE = Provenance("translator", "0.1.0", task="translation", source="scan", date="2025-01-02T03:04:05+00:00")


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A series of five oblique slices of one person, as a scanner would name them."""
    affine = np.array([[-1.0, 0.1, 0, 5], [0.1, 1.0, 0.3, -8], [0, -0.3, 3.0, 2], [0, 0, 0, 1]])
    values = np.random.default_rng(0).integers(0, 1000, (1, 6, 7, 5)).astype(np.int16)
    folder = write_image(tmp_path / "scan.dcm", values, affine=affine, provenance=MADE)
    for file in folder.iterdir():
        data = pydicom.dcmread(file)
        data.SpecificCharacterSet = "ISO_IR 192"
        data.PatientName, data.PatientID, data.PatientSex = "Müller^Anna", "4711", "F"
        data.StudyDescription, data.StudyDate, data.SeriesNumber = "MR head", "20240506", 7
        data.save_as(file)
    return folder


def derived(scan: Path, values: MetaTensor, name: str = "t2") -> list[Dataset]:
    folder = write_image(scan.parent / f"{name}.dcm", values, provenance=MADE, source=scan)
    return [pydicom.dcmread(file) for file in sorted(folder.iterdir())]


def test_the_result_joins_the_study_of_its_source(scan: Path) -> None:
    image = read_image(scan)
    own = [pydicom.dcmread(file) for file in sorted(scan.iterdir())]
    found = derived(scan, image * 2)
    for data in found:
        assert str(data.PatientName) == "Müller^Anna"
        assert (data.PatientID, data.PatientSex, data.StudyDescription) == ("4711", "F", "MR head")
        assert (data.StudyDate, data.SeriesNumber) == ("20240506", 1007)
        assert data.StudyInstanceUID == own[0].StudyInstanceUID
        assert data.FrameOfReferenceUID == own[0].FrameOfReferenceUID
        assert data.SeriesInstanceUID != own[0].SeriesInstanceUID
        assert data.SyntheticData == "YES"
        assert data.SeriesDescription.startswith("SYNTHETIC translator")
    assert len({data.SOPInstanceUID for data in found + own}) == 10


def test_each_slice_names_the_slice_that_it_was_made_from(scan: Path) -> None:
    own = {data.SOPInstanceUID: data for data in (pydicom.dcmread(file) for file in scan.iterdir())}
    for data in derived(scan, read_image(scan) * 2):
        (reference,) = data.SourceImageSequence
        source = own[reference.ReferencedSOPInstanceUID]
        np.testing.assert_allclose(source.ImagePositionPatient, data.ImagePositionPatient, atol=1e-4)
        assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"


def test_slices_of_a_finer_grid_name_the_nearest(scan: Path) -> None:
    image = read_image(scan)
    affine = image.affine.clone()
    affine[:3, 2] /= 2
    fine = MetaTensor(torch.as_tensor(image.as_tensor()).repeat_interleave(2, dim=3), affine=affine)
    found = derived(scan, fine, "fine")
    named = {data.SourceImageSequence[0].ReferencedSOPInstanceUID for data in found}
    assert named == {pydicom.dcmread(file).SOPInstanceUID for file in scan.iterdir()}


def test_the_marks_are_complete_without_a_made_up_person(scan: Path) -> None:
    derived(scan, read_image(scan) * 2)
    report = check_provenance(scan.parent / "t2")
    assert report.consistent
    assert report.marks.missing == ()
    assert report.marks.values is not None


def test_other_sources_give_other_numbers(scan: Path, tmp_path: Path) -> None:
    image = read_image(scan)
    alone = write_image(tmp_path / "alone.dcm", image * 2, provenance=MADE)
    instance = pydicom.dcmread(next(alone.iterdir()))
    assert "SourceImageSequence" not in instance
    assert instance.SOPInstanceUID not in {data.SOPInstanceUID for data in derived(scan, image * 2)}


def test_what_is_no_dicom_has_no_source(tmp_path: Path) -> None:
    nifti = write_image(tmp_path / "a.nii.gz", np.zeros((1, 3, 3, 3), np.uint8))
    assert DicomSource.of(nifti) is None
    assert DicomSource.of(tmp_path / "missing") is None
    assert DicomSource.of(tmp_path) is None
