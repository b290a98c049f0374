"""Tell by its content whether a file is an image that the viewer opens, and how large it is once unpacked."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from monai_gan.errors import InputError

#: For people, and for the browser's dialog.
KINDS = "NIfTI (.nii, .nii.gz), NRRD (.nrrd) or DICOM"

_NRRD_BYTES = {"char": 1, "short": 2, "int": 4, "long": 8, "longlong": 8, "float": 4, "double": 8}
_HEADER = 65536


def check_images(paths: Sequence[Path], limit: int | None = None) -> str:
    """Check files that are to be opened as one image.

    Args:
        paths: one NIfTI or NRRD file, or the files of a DICOM series.
        limit: bytes that the voxels may take in memory; None for no limit.

    Returns:
        "nifti", "nrrd" or "dicom".

    Raises:
        InputError: a file is none of these or damaged, the files do not belong together, or the image is too large.
    """
    if not paths:
        raise InputError(f"No file was given: choose one that is {KINDS}.")
    kinds = {path: _kind(path) for path in paths}
    for path, kind in kinds.items():
        if not kind:
            raise InputError(f"'{path.name}' is no image that can be opened: choose {KINDS}.")
    found = set(kinds.values())
    if len(paths) > 1 and found != {"dicom"}:
        raise InputError(f"{len(paths)} files cannot be one image: choose one file, or the files of a DICOM series.")
    kind = found.pop()
    size = sum(_SIZES[kind](path) for path in paths)
    if limit is not None and size > limit:
        raise InputError(
            f"'{paths[0].name}' takes {size / 1e6:.0f} MB unpacked, more than {limit / 1e6:.0f} MB: crop or resample "
            "it, or start the viewer with a larger --max-upload."
        )
    return kind


def image_files(path: Path) -> list[Path]:
    """The files of an image that a path names.

    Args:
        path: a file, or the folder of a DICOM series.

    Raises:
        InputError: there is nothing.
    """
    path = path.expanduser()
    if path.is_dir():
        inside = sorted(file for file in path.iterdir() if file.is_file() and _kind(file) == "dicom")
        if not inside:
            raise InputError(f"The folder '{path}' holds no DICOM file: give a file, or the folder of a DICOM series.")
        return inside
    if not path.is_file():
        raise InputError(f"'{path}' does not exist: give {KINDS}.")
    return [path]


def _kind(path: Path) -> str:
    """By the first bytes; empty for anything else."""
    head = _read(path, 352)
    if head[128:132] == b"DICM":
        return "dicom"
    if head[:7] == b"NRRD000" and path.name.lower().endswith(".nrrd"):
        return "nrrd"
    if path.name.lower().endswith((".nii", ".nii.gz")):
        content = _unzipped(path, 352) if head[:2] == b"\x1f\x8b" else head
        if content[344:348] == b"n+1\0" or content[4:8] == b"n+2\0":
            return "nifti"
    return ""


def _nifti_bytes(path: Path) -> int:
    head = _unzipped(path, 352) if _read(path, 2) == b"\x1f\x8b" else _read(path, 352)
    order = "<" if head[0] in (348 & 255, 540 & 255) else ">"
    if head[4:8] == b"n+2\0":
        sizes, bits = struct.unpack_from(f"{order}8q", head, 16), struct.unpack_from(f"{order}h", head, 14)[0]
    else:
        sizes, bits = struct.unpack_from(f"{order}8h", head, 40), struct.unpack_from(f"{order}h", head, 72)[0]
    axes = sizes[1 : 1 + sizes[0]] if 1 <= sizes[0] <= 7 else ()
    if not axes or min(axes) < 1 or bits < 1:
        raise InputError(f"'{path.name}' has a damaged NIfTI header: write the file again.")
    if len(axes) < 3 or math.prod(axes[3:]) > 1:
        shape = " x ".join(str(length) for length in axes)
        raise InputError(
            f"'{path.name}' has {shape} values: write one volume of three axes, the last of which may be 1."
        )
    return math.prod(axes) * bits // 8


def _nrrd_bytes(path: Path) -> int:
    text = _read(path, _HEADER).partition(b"\n\n")[0].replace(b"\r", b"").decode("latin-1")
    fields = dict(re.findall(r"^([A-Za-z ]+):=?\s*(.*)$", text, re.MULTILINE))
    fields = {name.strip().lower(): value.strip() for name, value in fields.items()}
    if "data file" in fields or "datafile" in fields:
        raise InputError(f"'{path.name}' keeps its voxels in another file: write header and voxels as one .nrrd file.")
    sizes = [int(word) for word in fields.get("sizes", "").split() if word.isdecimal()]
    if not sizes or min(sizes) < 1:
        raise InputError(f"'{path.name}' has a damaged NRRD header: write the file again.")
    return math.prod(sizes) * _nrrd_voxel(fields.get("type", ""))


def _nrrd_voxel(kind: str) -> int:
    """Bytes of a voxel, from names such as "unsigned short", "short int" and "uint16"; 8 for what is not known."""
    digits = re.search(r"int(\d+)", kind)
    if digits:
        return int(digits[1]) // 8
    word = kind.replace("unsigned", "").replace("signed", "").replace("long long", "longlong").strip()
    return _NRRD_BYTES.get(word, _NRRD_BYTES.get(word.removesuffix(" int"), 8))


def _dicom_bytes(path: Path) -> int:
    import pydicom

    names = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated")
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(names))
        rows, columns, frames, samples, bits = (int(header.get(name) or 1) for name in names)
    except Exception as error:  # the library raises all kinds of errors on damaged files
        raise InputError(f"'{path.name}' is damaged and cannot be read as DICOM: export it again.") from error
    return rows * columns * frames * samples * bits // 8


def _read(path: Path, count: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error.strerror}): check its permissions.") from error


def _unzipped(path: Path, count: int) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(count)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"'{path.name}' is damaged and cannot be unpacked: transfer the file again.") from error


_SIZES = {"nifti": _nifti_bytes, "nrrd": _nrrd_bytes, "dicom": _dicom_bytes}
