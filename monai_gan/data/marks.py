"""The marks by which an image file says that it is synthetic, found format by format."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_gan.data.formats import EXTENSIONS, NIFTI, NRRD, PICTURES, dicom_files, has_extension, is_dicom
from monai_gan.errors import InputError

#: Where a DICOM file keeps the provenance as JSON: a private element (PS3.5, 7.8.1), group, creator and element.
DICOM_GROUP, DICOM_CREATOR, DICOM_JSON = 0x0099, "MONAI-GAN PROVENANCE", 0x01
#: What the text of every mark begins with.
WORD = "SYNTHETIC"


@dataclass(frozen=True)
class Marks:
    """What a file says of itself.

    Args:
        found: the marks that say "synthetic", by the place in the file where they stand.
        missing: places where this package writes a mark and this file has none.
        against: statements that contradict the marks, in words.
        values: the provenance that the file carries; None when it carries none.
    """

    found: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    values: Mapping[str, Any] | None = None


def read_marks(path: str | Path) -> Marks:
    """Look for marks in a file's header; no pixel is read.

    Args:
        path: an image file, a folder with the slices of one DICOM series, or a JSON file beside an image.

    Returns:
        The marks. A TIFF, JPEG or BMP file has none: this package does not write these formats.

    Raises:
        InputError: the file is missing, damaged, or of a format that is not known.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"'{path}' does not exist.")
    reader = _reader(path)
    try:
        return reader(path)
    except InputError:
        raise
    except Exception as error:  # the libraries raise all kinds of errors on damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"the provenance of '{path}' cannot be read ({reason}); the file is damaged.") from error


def _reader(path: Path) -> Callable[[Path], Marks]:
    if path.is_dir():
        return _from_series
    readers = {(".json",): _from_json, NIFTI: _from_nifti, NRRD: _from_nrrd, (".png",): _from_png}
    for extensions, reader in readers.items():
        if has_extension(path, extensions):
            return reader
    if is_dicom(path):
        return _from_dicom
    if has_extension(path, PICTURES):
        return lambda _: Marks()
    raise InputError(f"'{path}' has a format without provenance: give one of .json, {', '.join(EXTENSIONS)}.")


def _collect(places: Mapping[str, str | None], stated: str | None, against: Sequence[str] = ()) -> Marks:
    """Sort the places into those with a mark and those without, ``stated`` being the JSON of the provenance."""
    values = json.loads(stated) if stated else None
    synthetic = isinstance(values, dict) and values.get("synthetic") is True
    places = {**places, "provenance": stated if synthetic else None}
    found = {place: text for place, text in places.items() if text}
    missing = tuple(place for place in places if place not in found)
    # A file without any mark is no file of ours: then nothing is missing, and nothing is contradicted.
    return Marks(found, missing, tuple(against), values if synthetic else None) if found else Marks()


def _claim(text: object) -> str | None:
    """A text that begins with the word, else None."""
    plain = str(text or "").strip("\0 ")
    return plain if plain.startswith(WORD) else None


def _from_json(path: Path) -> Marks:
    return _collect({}, path.read_text(encoding="utf-8"))


def _from_nifti(path: Path) -> Marks:
    import nibabel

    header = nibabel.Nifti1Image.from_filename(path).header
    texts = [_text(extension.get_content()).strip("\0 \n") for extension in header.extensions]
    stated = next((text for text in texts if text.startswith("{")), None)
    return _collect({"descrip": _claim(bytes(header["descrip"]).decode("latin-1"))}, stated)


def _from_nrrd(path: Path) -> Marks:
    import nrrd

    header = nrrd.read_header(str(path))
    return _from_texts(header, "content")


def _from_png(path: Path) -> Marks:
    from PIL import Image

    with Image.open(path) as image:
        return _from_texts(image.text, "Description")  # type: ignore[attr-defined]


def _from_texts(texts: Mapping[str, Any], title: str) -> Marks:
    """The marks of a header that consists of named texts."""
    flag = str(texts.get("synthetic", ""))
    against = [f"the entry 'synthetic' is {flag!r}"] if flag not in ("", "true") else []
    places = {title: _claim(texts.get(title)), "synthetic": flag if flag == "true" else None}
    return _collect(places, texts.get("provenance"), against)


def _from_dicom(path: Path) -> Marks:
    import pydicom

    data = pydicom.dcmread(path, stop_before_pixels=True)
    declared = str(data.get("SyntheticData", ""))
    against = [f"Synthetic Data (0008,001C) is {declared}"] if declared not in ("", "YES") else []
    kind = data.get("ImageType")
    if kind and str(kind[0]) == "ORIGINAL":
        against.append("Image Type begins with ORIGINAL")
    places = {
        "Synthetic Data": declared if declared == "YES" else None,
        "Series Description": _claim(data.get("SeriesDescription")),
        "Patient's Name": _claim(data.get("PatientName")),
        "Contributing Equipment": _synthesizer(data),
    }
    if "SourceImageSequence" in data:  # what was made from a person's images keeps the person's name
        places.pop("Patient's Name")
    return _collect(places, _private_json(data), against)


def _synthesizer(data: Any) -> str | None:
    """Name of the equipment that synthesized the image; None where none is named."""
    for item in data.get("ContributingEquipmentSequence") or ():
        for purpose in item.get("PurposeOfReferenceCodeSequence") or ():
            if (purpose.get("CodingSchemeDesignator"), purpose.get("CodeValue")) == ("DCM", "109100"):
                return f"{item.get('Manufacturer', '')} {item.get('ManufacturerModelName', '')}".strip() or "unnamed"
    return None


def _private_json(data: Any) -> str | None:
    try:
        value = data.private_block(DICOM_GROUP, DICOM_CREATOR)[DICOM_JSON].value
    except KeyError:
        return None
    return _text(value)  # bytes where another program stored the file without the types of private elements


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _from_series(path: Path) -> Marks:
    """The marks of all slices together; what a single one lacks, the series lacks."""
    files = dicom_files(path)
    if not files:
        raise InputError(f"'{path}' is a folder without DICOM files: give an image file, or a folder of DICOM slices.")
    slices = [_from_dicom(file) for file in files]
    found = {place: text for one in slices for place, text in one.found.items()}
    if not found:
        return Marks()
    places = dict.fromkeys([*found, *(place for one in slices for place in one.missing)])
    missing = tuple(place for place in places if not all(place in one.found for one in slices))
    against = list(dict.fromkeys(statement for one in slices for statement in one.against))
    unmarked = [file.name for file, one in zip(files, slices, strict=True) if not one.found]
    if unmarked:
        against.append(f"{len(unmarked)} of {len(files)} slices carry no mark, '{unmarked[0]}' among them")
    stated = [one.values for one in slices if one.values is not None]
    if any(values != stated[0] for values in stated):
        against.append("the slices state different origins")
    return Marks(found, missing, tuple(against), next(iter(stated), None))
