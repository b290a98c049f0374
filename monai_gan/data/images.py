"""Read an image of any format into one convention: channels first, image units, and the affine that came with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data.image_reader import NibabelReader
from monai.data.meta_tensor import MetaTensor

from monai_gan.data.dicom import read_file, read_series
from monai_gan.data.formats import EXTENSIONS, NIFTI, NRRD, PICTURES, dicom_files, has_extension, is_dicom
from monai_gan.data.geometry import LPS, default_affine, swap_plane
from monai_gan.errors import InputError

_Reader = Callable[[Path], tuple[np.ndarray, np.ndarray | None]]


def read_image(path: str | Path) -> MetaTensor:
    """Read one image with its geometry.

    A single slice is a 2-D image. Integers keep their values; real values come as float32.

    Args:
        path: a NIfTI, NRRD, PNG, TIFF, JPEG, BMP or DICOM file, or a folder with the slices of one DICOM series.

    Returns:
        Image (C, rows, columns) or (C, X, Y, Z) in image units, with ``affine`` (4, 4) from indices to millimetres in
        RAS.

    Raises:
        InputError: the file is missing, of an unknown format, damaged, or holds NaN or infinite values.
    """
    path = Path(path)
    reader = _reader_of(path)
    try:
        array, affine = reader(path)
    except InputError:
        raise
    except Exception as error:  # the libraries raise all kinds of errors on damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"'{path}' cannot be read ({reason}): the file is damaged or not what its name says."
        ) from error
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim not in (3, 4):
        raise InputError(f"'{path}' holds an array of {array.ndim - 1} spatial dimensions: give a 2-D or 3-D image.")
    if array.dtype.kind not in "uifb":
        raise InputError(f"'{path}' holds values of the type {array.dtype}: give real numbers.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(
            f"'{path}' holds {int((~np.isfinite(array)).sum())} NaN or infinite values: repair or remove it."
        )
    if affine is None:
        affine = default_affine(array.ndim - 1)
    elif array.ndim == 3:
        array, affine = swap_plane(array, affine)
    tensor = torch.from_numpy(np.array(array, dtype=storable(array.dtype), order="C"))
    return MetaTensor(tensor, affine=torch.from_numpy(affine.astype(np.float64)), meta={"filename_or_obj": str(path)})


def storable(dtype: np.dtype) -> np.dtype:
    """The type that torch computes with and that keeps the values; real numbers become float32."""
    if dtype.kind == "f":
        return np.dtype(np.float32)
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    wider = {"u2": np.int32, "u4": np.int64, "u8": np.int64}
    return np.dtype(wider.get(dtype.str[1:], dtype.newbyteorder("=")))


def _reader_of(path: Path) -> _Reader:
    if path.is_dir():
        return _read_series
    if not path.is_file():
        raise InputError(f"'{path}' does not exist.")
    for extensions, reader in ((NIFTI, _read_nifti), (NRRD, _read_nrrd), (PICTURES, _read_picture)):
        if has_extension(path, extensions):
            return reader
    if is_dicom(path):
        return read_file
    raise InputError(f"'{path}' has a format that is not read: give one of {', '.join(EXTENSIONS)}.")


def _read_nifti(path: Path) -> tuple[np.ndarray, np.ndarray]:
    reader = NibabelReader()
    array, meta = reader.get_data(reader.read(path))
    channels_last = array.ndim > len(meta["spatial_shape"])
    return np.moveaxis(array, -1, 0) if channels_last else array[None], np.asarray(meta["affine"])


def _read_nrrd(path: Path) -> tuple[np.ndarray, np.ndarray]:
    # Not MONAI's reader: it needs fields that NRRD leaves optional, makes every type float32 and takes a channel axis
    # for space.
    import nrrd

    array, header = nrrd.read(str(path), index_order="F")
    directions = header.get("space directions")
    if directions is None:
        kinds = header.get("kinds", ["domain"] * array.ndim)
        spatial = [kind in ("domain", "space") for kind in kinds]
    else:
        rows = [np.asarray(row if row is not None else np.nan, dtype=np.float64) for row in directions]
        spatial = [bool(np.isfinite(row).all()) for row in rows]
    if spatial.count(False) > 1:
        raise InputError(f"'{path}' has more than one axis that is not spatial: give one image per file.")
    array = array[None] if all(spatial) else np.moveaxis(array, spatial.index(False), 0)
    if directions is None:
        return array, LPS if array.ndim == 3 else np.eye(4)
    affine = np.eye(4)
    columns = [row for row, is_space in zip(rows, spatial, strict=True) if is_space]
    for axis, column in enumerate(columns):
        affine[: len(column), axis] = column
    origin = np.asarray(header.get("space origin", np.zeros(len(columns[0]))), dtype=np.float64)
    affine[: len(origin), 3] = origin
    # Without a named space, LPS is what most writers mean.
    space = str(header.get("space", "left-posterior-superior")).lower()
    signs = {"right-anterior-superior": (1, 1), "ras": (1, 1), "left-anterior-superior": (-1, 1), "las": (-1, 1)}
    return array, np.diag([*signs.get(space, np.diag(LPS)[:2]), 1, 1]) @ affine


def _read_picture(path: Path) -> tuple[np.ndarray, None]:
    from PIL import Image

    with Image.open(path) as picture:
        if getattr(picture, "n_frames", 1) > 1:
            raise InputError(f"'{path}' holds {picture.n_frames} pictures: give one per file.")  # type: ignore[attr-defined]
        array = np.asarray(_plain_mode(picture))
    return np.moveaxis(array, -1, 0) if array.ndim == 3 else array[None], None


def _plain_mode(image: Any) -> Any:
    """Bring palettes, transparency and print colours to grey or RGB."""
    grey, colour = {"1": "L", "LA": "L", "La": "L"}, {"P", "PA", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"}
    if image.mode in grey:
        return image.convert("L")
    return image.convert("RGB") if image.mode in colour else image


def _read_series(path: Path) -> tuple[np.ndarray, np.ndarray]:
    files = dicom_files(path)
    if not files:
        raise InputError(
            f"'{path}' is a folder without DICOM files: give an image file, or the folder of one DICOM series."
        )
    return read_series(files)
