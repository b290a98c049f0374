"""Write a synthetic image with its geometry and provenance, completely or not at all."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from monai_gan.atomic import remove_path, replace_path
from monai_gan.data.dicom_source import DicomSource
from monai_gan.data.dicom_write import write_dicom
from monai_gan.data.formats import dicom_files
from monai_gan.data.geometry import LPS, as_volume, default_affine
from monai_gan.data.marks import Marks, read_marks
from monai_gan.data.provenance import Provenance, sidecar_path
from monai_gan.errors import InputError, InvalidResultError

FORMATS = ("nii.gz", "nrrd", "png", "dcm")


def write_image(
    path: str | Path,
    image: Tensor | np.ndarray,
    *,
    affine: np.ndarray | Tensor | None = None,
    provenance: Provenance | None = None,
    bits: int | None = None,
    units: str = "",
    source: str | Path | None = None,
) -> Path:
    """Write an image, and with a provenance its header entries and the sidecar ``<stem>.json``.

    Both are made under other names in the same folder and moved into place, so that a failure leaves what was there
    before.

    Args:
        path: ends with ``.png`` (2-D), ``.nii.gz``, ``.nii``, ``.nrrd`` or ``.dcm``; missing folders are made.
        image: image (C, rows, columns) or (C, X, Y, Z) in image units; integers stay integers.
        affine: (4, 4) from indices to millimetres in RAS; default: that of a ``MetaTensor``, else 1 mm (a 2-D DICOM
            file then states no pixel size).
        provenance: what made the image; DICOM is not written without.
        bits: 8 or 16 per value of a PNG, 8 by default; of a DICOM file see `write_dicom`.
        units: the unit of the values; DICOM states ``"HU"``.
        source: what the image was made from; DICOM written of DICOM joins the study of its source and refers to it.

    Returns:
        The path; of a DICOM volume ``<stem>``, a folder with one file per slice.

    Raises:
        InputError: the format is unknown or cannot hold the image, or the folder cannot be written.
        InvalidResultError: the image holds NaN or infinite values.
    """
    path = Path(path)
    extension = _extension(path)
    array, matrix = _checked(image, affine)
    place = _place(path, extension, array.ndim)
    target, sidecar = _temporary(path, extension), _temporary(path, ".json")
    placed = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if extension == ".dcm":
            if provenance is None:
                raise InputError(f"'{path.name}' needs a provenance: DICOM is written only with its marks.")
            made_from = None if source is None else DicomSource.of(source)
            write_dicom(target, array, matrix, provenance, bits=bits, units=units, source=made_from)
        elif extension == ".png":
            _write_png(target, array, provenance, 8 if bits is None else bits)
        else:
            known = default_affine(array.ndim - 1) if matrix is None else matrix
            (_write_nrrd if extension == ".nrrd" else _write_nifti)(target, array, known, provenance)
        if provenance is not None:
            sidecar.write_text(provenance.to_json(indent=2) + "\n", encoding="utf-8")
            # The sidecar first: an image must never stand there without the statement that it is synthetic.
            sidecar.replace(sidecar_path(path))
            placed = True
        replace_path(target, place)
        placed = False
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be written ({error.strerror or error}): choose another folder or free some space."
        ) from error
    finally:
        for left in (target, sidecar):
            remove_path(left)
        if placed:
            remove_path(sidecar_path(path))
    return place


def _extension(path: Path) -> str:
    for extension in (".nii.gz", ".nii", ".nrrd", ".png", ".dcm"):
        if path.name.lower().endswith(extension):
            return extension
    raise InputError(f"'{path.name}' has a format that is not written: give one of {', '.join(FORMATS)}.")


def _place(path: Path, extension: str, dimensions: int) -> Path:
    """Where the image goes: a DICOM volume into a folder, which may replace only one that this function made."""
    if extension != ".dcm" or dimensions == 3:
        return path
    folder = path.with_suffix("")
    if folder.is_dir() and any(folder.iterdir()):
        marks = read_marks(folder) if dicom_files(folder) else Marks()
        if marks.values is None or "provenance" in marks.missing:
            raise InputError(f"'{folder}' is a folder that holds other images: choose another name.")
    return folder


def _temporary(path: Path, extension: str) -> Path:
    return path.with_name(f".{uuid.uuid4().hex}{extension}")


def _checked(image: Tensor | np.ndarray, affine: np.ndarray | Tensor | None) -> tuple[np.ndarray, np.ndarray | None]:
    if affine is None and isinstance(image, MetaTensor):
        affine = image.affine
    plain = image.as_tensor() if isinstance(image, MetaTensor) else image
    array = plain.detach().cpu().numpy() if isinstance(plain, Tensor) else np.asarray(plain)
    if array.ndim not in (3, 4):
        raise InputError(
            f"an image of the shape {array.shape} cannot be written: give (C, rows, columns) or (C, X, Y, Z)."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidResultError("the image holds NaN or infinite values: nothing was written.")
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
    elif array.dtype.itemsize == 8:
        array = array.astype(np.int32)
    elif array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if affine is None:
        return array, None
    matrix = affine.detach().cpu().numpy() if isinstance(affine, Tensor) else np.asarray(affine)
    if matrix.shape != (4, 4):
        raise InputError(f"affine has the shape {matrix.shape}: give a 4 x 4 matrix from indices to millimetres.")
    return array, matrix.astype(np.float64)


def _write_png(path: Path, array: np.ndarray, provenance: Provenance | None, bits: int) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    if bits not in (8, 16):
        raise InputError(f"bits={bits} is not possible: a PNG has 8 or 16 per value.")
    if array.ndim != 3 or array.shape[0] not in (1, 3) or (bits == 16 and array.shape[0] == 3):
        raise InputError(f"an image of the shape {array.shape} does not fit a {bits}-bit PNG: write nii.gz or nrrd.")
    top = 2**bits - 1
    low, high = float(array.min()), float(array.max())
    # Half a step of slack for values that rounding brings back.
    if low < -0.5 or high > top + 0.5:
        raise InputError(
            f"values from {low:g} to {high:g} do not fit a {bits}-bit PNG (0 to {top}): write nii.gz or nrrd."
        )
    pixels = np.rint(array).clip(0, top).astype(np.uint8 if bits == 8 else np.uint16)
    info = PngInfo()
    if provenance is not None:
        info.add_text("Description", provenance.description())
        info.add_text("synthetic", "true")
        info.add_text("provenance", provenance.to_json())
    picture = pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1)
    Image.fromarray(np.ascontiguousarray(picture)).save(path, pnginfo=info)


def _write_nifti(path: Path, array: np.ndarray, affine: np.ndarray, provenance: Provenance | None) -> None:
    import nibabel

    volume, matrix = as_volume(array, affine)
    data = volume[0] if len(volume) == 1 else np.moveaxis(volume, 0, -1)
    image = nibabel.Nifti1Image(data, matrix)
    # Both forms: some readers look at one, some at the other. A sheared matrix has no quaternion, then the sform stands
    # alone.
    image.set_sform(matrix, code=1)
    rotation = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    if np.allclose(rotation.T @ rotation, np.eye(3), atol=1e-5):
        image.set_qform(matrix, code=1)
    image.header.set_xyzt_units("mm")
    if provenance is not None:
        image.header["descrip"] = provenance.description().encode("ascii")
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", provenance.to_json().encode("ascii")))
    nibabel.save(image, path)


def _write_nrrd(path: Path, array: np.ndarray, affine: np.ndarray, provenance: Provenance | None) -> None:
    import nrrd

    volume, matrix = as_volume(array, affine)
    matrix = LPS @ matrix
    directions = matrix[:3, :3].T
    several = len(volume) > 1
    header: dict[str, object] = {
        "space": "left-posterior-superior",
        "space directions": np.vstack([np.full((1, 3), np.nan), directions]) if several else directions,
        "space origin": matrix[:3, 3],
        "kinds": ["vector"] * several + ["domain"] * 3,
    }
    if provenance is not None:
        header["content"] = provenance.description()
        header["synthetic"] = "true"
        header["provenance"] = provenance.to_json()
    nrrd.write(str(path), volume if several else volume[0], header, index_order="F")
