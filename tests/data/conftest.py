"""Writers of small files in every format that is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


class Dicom:
    """Writes DICOM files of one series; ``tags`` overrides or removes (None) attributes."""

    def __init__(self) -> None:
        self.series = generate_uid(entropy_srcs=["series"])

    def __call__(self, path: Path, pixels: np.ndarray, number: int = 0, **tags: Any) -> Path:
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.file_meta.MediaStorageSOPClassUID = CTImageStorage
        data.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
        data.SOPClassUID = CTImageStorage
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID
        data.SeriesInstanceUID = self.series
        data.PatientID = "p1"
        data.InstanceNumber = number + 1
        data.Modality = "CT"
        data.ImagePositionPatient = [10.0, 20.0, 30.0 + 3.0 * number]
        data.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
        data.PixelSpacing = [0.5, 0.25]
        data.RescaleSlope = 1
        data.RescaleIntercept = -1000
        data.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
        data.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
        data.Rows, data.Columns = pixels.shape[:2]
        data.BitsAllocated = data.BitsStored = pixels.dtype.itemsize * 8
        data.HighBit = data.BitsStored - 1
        data.PixelRepresentation = 0
        if pixels.ndim == 3:
            data.PlanarConfiguration = 0
        for name, value in tags.items():
            if value is None:
                delattr(data, name)
            else:
                setattr(data, name, value)
        data.PixelData = pixels.tobytes()
        pydicom.dcmwrite(path, data, enforce_file_format=True)
        return path


@pytest.fixture
def dicom() -> Dicom:
    return Dicom()


@pytest.fixture
def oblique() -> np.ndarray:
    """An affine with three different voxel sizes, turned about two axes."""
    a, b = 0.3, -0.5
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x @ np.diag([0.7, 1.1, 2.5])
    affine[:3, 3] = (-31.5, 12.25, 80)
    return affine
