"""Write a synthetic image as DICOM: secondary captures, each of which says that it is synthetic.

Secondary Capture Image Storage (PS3.3, A.8.1) makes no claim about a scanner, has a conversion type of its own for
synthetic images, and holds grey levels, units and geometry; every viewer opens it.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from monai_gan.data.geometry import LPS, as_volume, default_affine
from monai_gan.data.marks import DICOM_CREATOR, DICOM_GROUP, DICOM_JSON, WORD
from monai_gan.data.provenance import Provenance
from monai_gan.errors import InputError

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

    from monai_gan.data.dicom_source import DicomSource

# Names that UIDs are derived from live in this space of their own (RFC 9562, version 5).
_SPACE = uuid.uuid5(uuid.NAMESPACE_OID, "monai-gan/dicom")
_MAKER = "monai-gan"
_NOTICE = "Synthetic data, not for diagnosis."
# Asked for by the standard, and stated as unknown.
_UNKNOWN = (
    "PatientBirthDate",
    "PatientSex",
    "PatientOrientation",
    "Laterality",
    "AccessionNumber",
    "ReferringPhysicianName",
)


def write_dicom(
    target: Path,
    array: np.ndarray,
    affine: np.ndarray | None,
    provenance: Provenance,
    *,
    bits: int | None = None,
    units: str = "",
    source: DicomSource | None = None,
) -> None:
    """Write one file, or for a volume a folder with one file per slice, ``0001.dcm`` and so on along their normal.

    Every UID is derived from the pixels, the geometry and the provenance with its date (PS3.5, B.2): the same content
    has the same UIDs, and anything else has others. An image made from latents is a patient, a study and a series of
    its own, because two such images do not show one person; one made from DICOM images joins their study.

    Args:
        target: the file (2-D) or the folder (3-D), which must not exist.
        array: image (C, rows, columns) with C 1 or 3, or (1, X, Y, Z).
        affine: (4, 4) from indices to millimetres in RAS; None: unknown, which leaves the geometry of a 2-D image out
            and gives a volume voxels of 1 mm.
        provenance: what made the image.
        bits: 8 or 16 for whole numbers that fit; else real values come in 65536 steps from the lowest to the highest,
            with the line that leads back to their units.
        units: ``"HU"`` is stated, any other unit is called unspecified.
        source: the images that this one was made from.

    Raises:
        InputError: DICOM cannot hold the image, its geometry or the date.
    """
    import pydicom

    flat = array.ndim == 3
    if array.shape[0] != 1 and not (flat and array.shape[0] == 3):
        raise InputError(f"an image of the shape {array.shape} does not fit a DICOM file: write nii.gz or nrrd.")
    stated = affine is not None or not flat
    volume, matrix = as_volume(array, default_affine(array.ndim - 1) if affine is None else affine)
    matrix = _checked_geometry(LPS @ matrix)
    stored, slope, intercept = _stored(volume, bits)
    common = _common(provenance)
    if source is not None:
        source.describe(common)
    _add_scale(common, stored, slope, intercept, units)
    form = repr((stored.shape, slope, intercept, units, stated, matrix.tolist(), source and source.key))
    key = hashlib.sha256((provenance.to_json() + form).encode() + stored.tobytes()).hexdigest()
    common.SeriesInstanceUID = _uid(key, "series")
    if "StudyInstanceUID" not in common:
        common.StudyInstanceUID = _uid(key, "study")
    if stated and "FrameOfReferenceUID" not in common:
        common.FrameOfReferenceUID, common.PositionReferenceIndicator = _uid(key, "frame of reference"), ""
    if not flat:
        target.mkdir()
    normal = np.cross(matrix[:3, 0], matrix[:3, 1])
    upwards = 1 if normal @ matrix[:3, 2] >= 0 else -1
    for number, index in enumerate(range(volume.shape[-1])[::upwards], start=1):
        common.InstanceNumber = number
        common.SOPInstanceUID = _uid(key, f"instance {number}")
        if stated:
            _add_plane(common, matrix, index)
        if source is not None:
            middle = [(length - 1) / 2 for length in volume.shape[1:3]]
            source.refer(common, (matrix @ [*middle, index, 1])[:3])
        _add_pixels(common, stored[..., index])
        path = target if flat else target / f"{number:04d}.dcm"
        pydicom.dcmwrite(path, common, enforce_file_format=True)


def _uid(key: str, role: str) -> UID:
    from pydicom.uid import UID

    return UID(f"2.25.{uuid.uuid5(_SPACE, f'{key} {role}').int}")


def _checked_geometry(matrix: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.isfinite(matrix).all() or not lengths.all():
        raise InputError("the affine has no voxel size: DICOM needs a regular one.")
    columns, rows = (matrix[:3, :2] / lengths[:2]).T
    if abs(float(columns @ rows)) > 1e-4:
        raise InputError("the affine shears the slices, which DICOM cannot state: write nii.gz or nrrd.")
    return matrix


def _stored(volume: np.ndarray, bits: int | None) -> tuple[np.ndarray, float, float]:
    """Values as unsigned integers with the slope and intercept that lead back: value = slope * stored + intercept."""
    if bits not in (None, 8, 16):
        raise InputError(f"bits={bits} is not possible: a DICOM file has 8 or 16 per value here.")
    low, high = float(volume.min()), float(volume.max())
    whole = volume.dtype.kind in "iu"
    byte, word = (np.uint8, 255), (np.uint16, 65535)
    kind, top = byte if bits == 8 or volume.dtype == np.uint8 or len(volume) == 3 else word
    # Half a step of slack for values that rounding brings back.
    if (bits is not None or whole or len(volume) == 3) and low >= -0.5 and high <= top + 0.5:
        return np.rint(volume).clip(0, top).astype(kind), 1.0, 0.0
    if len(volume) == 3:
        raise InputError(f"colours from {low:g} to {high:g} do not fit a DICOM file (0 to 255): write nii.gz or nrrd.")
    if whole and high - low <= 65535:
        return (volume.astype(np.int64) - int(low)).astype(np.uint16), 1.0, low
    # The numbers as the file states them, at most 16 characters each, so that what is read is what was meant.
    intercept = float(_decimal(low))
    slope = float(_decimal((high - intercept) / 65535)) or 1.0
    return np.rint((volume.astype(np.float64) - intercept) / slope).clip(0, 65535).astype(np.uint16), slope, intercept


def _decimal(value: float) -> str:
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(float(value))


def _common(provenance: Provenance) -> Dataset:
    """What all instances of an image share, but for the geometry and the pixels."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    made = _moment(provenance.date)
    date, time = made.strftime("%Y%m%d"), made.strftime("%H%M%S")
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = SecondaryCaptureImageStorage
    data.ImageType = ["DERIVED", "SECONDARY"]
    data.SyntheticData = "YES"
    data.ConversionType = "SYN"
    data.Modality = "OT"
    data.BurnedInAnnotation = "NO"
    data.TimezoneOffsetFromUTC = "+0000"
    data.StudyDate = data.ContentDate = data.InstanceCreationDate = date
    data.StudyTime = data.ContentTime = data.InstanceCreationTime = time
    data.PatientName, data.PatientID = _person(provenance)
    data.PatientComments = _NOTICE
    data.StudyDescription = f"{WORD} DATA"
    data.SeriesDescription = _plain(provenance.description(64))
    data.SeriesNumber = 1
    data.StudyID = WORD
    for unknown in _UNKNOWN:
        setattr(data, unknown, None)
    data.Manufacturer = _MAKER
    data.ManufacturerModelName = _plain(provenance.bundle)[:64]
    data.SoftwareVersions = _versions(provenance)
    data.DerivationDescription = _account(provenance)
    data.ContributingEquipmentSequence = [_equipment(provenance, f"{date}{time}+0000")]
    block = data.private_block(DICOM_GROUP, DICOM_CREATOR, create=True)
    block.add_new(DICOM_JSON, "UT", provenance.to_json())
    return data


def _equipment(provenance: Provenance, moment: str) -> Dataset:
    from pydicom import Dataset
    from pydicom.sr.codedict import codes

    code = codes.DCM.SynthesizingEquipment
    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = code[:3]
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [purpose]
    item.Manufacturer = _MAKER
    item.ManufacturerModelName = _plain(provenance.bundle)[:64]
    item.SoftwareVersions = _versions(provenance)
    item.ContributionDateTime = moment
    item.ContributionDescription = _account(provenance)
    return item


def _moment(date: str) -> datetime:
    try:
        moment = datetime.fromisoformat(date.replace("Z", "+00:00"))
    except ValueError:
        raise InputError(f"date={date!r} is no date: give ISO 8601, such as 2025-01-31T12:00:00+00:00.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)


def _plain(text: str) -> str:
    """Text without what separates or ends values in DICOM, or needs a character set."""
    return re.sub(r"[^ -~]|[\\^=]", "_", text)


def _person(provenance: Provenance) -> tuple[str, str]:
    """Name and number of a patient who does not exist; the number differs between any two images but for their date."""
    place = "" if provenance.index is None else f"-{provenance.index:04d}"
    series = replace(provenance, date="", index=None).to_json()
    number = hashlib.sha256(series.encode()).hexdigest()[:16]
    return f"{WORD}^{_plain(provenance.bundle)[: 54 - len(place)]}{place}", f"{WORD}-{number}{place}"


def _versions(provenance: Provenance) -> list[str]:
    return [f"bundle {_plain(provenance.version)[:57]}", f"monai-gan {_plain(provenance.package_version)[:54]}"]


def _account(provenance: Provenance) -> str:
    """How the image came about, in words; at most 1024 characters."""
    facts = [f"task {provenance.task}", f"bundle {provenance.bundle} {provenance.version}"]
    facts += [f"weights with the SHA-256 {provenance.checksum}"] if provenance.checksum else []
    named = {name: getattr(provenance, name) for name in ("seed", "index", "label", "truncation")}
    facts += [f"{name} {value}" for name, value in named.items() if value is not None]
    return _plain(f"Synthetic image, made by a neural network: {', '.join(facts)}.")[:1024]


def _add_scale(data: Dataset, stored: np.ndarray, slope: float, intercept: float, units: str) -> None:
    if stored.dtype == np.uint8:
        return
    if (slope, intercept) != (1.0, 0.0):
        data.RescaleSlope, data.RescaleIntercept = _decimal(slope), _decimal(intercept)
        data.RescaleType = "HU" if units.upper() == "HU" else "US"
    low, high = (slope * float(value) + intercept for value in (stored.min(), stored.max()))
    data.WindowCenter, data.WindowWidth = _decimal((low + high) / 2), _decimal(max(high - low, 1e-6))
    data.VOILUTFunction = "LINEAR_EXACT"  # the plain one asks for a width of 1 or more


def _add_plane(data: Dataset, matrix: np.ndarray, index: int) -> None:
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    directions = matrix[:3, :3] / lengths
    normal = np.cross(directions[:, 0], directions[:, 1])
    data.ImageOrientationPatient = [_decimal(value) for value in directions[:, :2].T.ravel()]
    data.ImagePositionPatient = [_decimal(value) for value in matrix[:3, 3] + index * matrix[:3, 2]]
    data.PixelSpacing = [_decimal(lengths[1]), _decimal(lengths[0])]  # between rows, then between columns
    data.SliceThickness = data.SpacingBetweenSlices = _decimal(abs(float(normal @ matrix[:3, 2])))


def _add_pixels(data: Dataset, plane: np.ndarray) -> None:
    """Pixels (C, X, Y) of one slice."""
    grey = len(plane) == 1
    pixels = np.ascontiguousarray(plane[0].T if grey else plane.transpose(2, 1, 0))
    data.SamplesPerPixel = len(plane)
    data.PhotometricInterpretation = "MONOCHROME2" if grey else "RGB"
    if not grey:
        data.PlanarConfiguration = 0
    data.Rows, data.Columns = pixels.shape[:2]
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = 0
    content = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    data.add_new("PixelData", "OB" if pixels.itemsize == 1 else "OW", content + b"\0" * (len(content) % 2))
