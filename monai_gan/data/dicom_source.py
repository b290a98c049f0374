"""The DICOM images that a result was made from: their patient and study, and which slice came of which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from monai_gan.data.formats import dicom_files, is_dicom

if TYPE_CHECKING:
    from pydicom import Dataset

#: Attributes of the patient, the study and the frame of reference (PS3.3, C.7.1.1, C.7.2.1, C.7.4.1).
_KEPT = (
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
    "BodyPartExamined",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
)
#: Distance of the new series' number from that of its source, so that it is listed behind the scanner's own.
_NEW_SERIES = 1000


@dataclass(frozen=True)
class DicomSource:
    """Headers of the images that a result was made from.

    Args:
        headers: one per instance, without pixels.
    """

    headers: tuple[Dataset, ...]

    @classmethod
    def of(cls, path: str | Path) -> DicomSource | None:
        """Read the headers of a file or of a folder with a series; None when it is no DICOM."""
        import pydicom

        path = Path(path)
        files = dicom_files(path) if path.is_dir() else [path] if path.is_file() and is_dicom(path) else []
        return cls(tuple(pydicom.dcmread(file, stop_before_pixels=True) for file in files)) if files else None

    @property
    def key(self) -> str:
        """A text that is another one for other images."""
        return " ".join(sorted(str(header.get("SOPInstanceUID", "")) for header in self.headers))

    def describe(self, data: Dataset) -> None:
        """Put a result into the patient and the study of its source, as a series of its own."""
        first = self.headers[0]
        for name in _KEPT:
            if name in first:
                data[name] = first[name]
        data.SeriesNumber = int(first.get("SeriesNumber") or 0) + _NEW_SERIES

    def refer(self, data: Dataset, centre: Sequence[float]) -> None:
        """State the source image of a slice: the one whose plane lies nearest.

        Args:
            data: the slice.
            centre: of the slice, in millimetres of the patient (LPS).
        """
        from pydicom import Dataset
        from pydicom.sr.codedict import codes

        nearest = min(self.headers, key=lambda header: _distance(header, np.asarray(centre)))
        code = codes.DCM.SourceImageForImageProcessingOperation
        purpose, source = Dataset(), Dataset()
        purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = code[:3]
        source.ReferencedSOPClassUID = nearest.SOPClassUID
        source.ReferencedSOPInstanceUID = nearest.SOPInstanceUID
        source.PurposeOfReferenceCodeSequence = [purpose]
        data.SourceImageSequence = [source]


def _distance(header: Dataset, point: np.ndarray) -> float:
    """Millimetres from a point to the plane of an image; infinite where the image does not state it."""
    position, orientation = header.get("ImagePositionPatient"), header.get("ImageOrientationPatient")
    if not position or not orientation:
        return float("inf")
    along = np.asarray(orientation, dtype=np.float64)
    normal = np.cross(along[:3], along[3:])
    return abs(float((point - np.asarray(position, dtype=np.float64)) @ normal))
