"""DICOM files and series with their geometry, x first.

Not through MONAI's reader, which loses the geometry of files whose numbers are written with more digits than the
standard allows, and orders slices by their instance number, which need not follow their position.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from monai_gan.data.geometry import LPS
from monai_gan.errors import InputError

# Projection X-rays: their grey levels have no unit, so that a reversed scale can be turned to the usual one.
_PROJECTIONS = ("CR", "DX", "MG", "RG", "RF", "XA")

# Deviation of a slice distance from the mean, as a share of it, beyond which a slice is missing.
_UNEVEN = 0.1


def read_file(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read one image.

    Args:
        path: the file.

    Returns:
        Image (C, columns, rows) in rescaled units, and its affine (4, 4) to RAS.

    Raises:
        InputError: the file holds many frames.
    """
    dataset = _open(path)
    if int(getattr(dataset, "NumberOfFrames", 1)) > 1:
        raise InputError(f"'{path}' holds many frames: convert it to NIfTI, for instance with dcm2niix.")
    affine = _plane(dataset)
    affine[:3, 2] = np.cross(affine[:3, 0], affine[:3, 1])
    affine[:3, 2] *= _thickness(dataset) / np.linalg.norm(affine[:3, 2])
    return np.moveaxis(_pixels(dataset), 1, 2), LPS @ affine


def read_series(files: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Read the slices of one series, in the order of their positions.

    Args:
        files: one file per slice, at least two.

    Returns:
        Volume (1, X, Y, Z) in rescaled units, and its affine (4, 4) to RAS.

    Raises:
        InputError: there is one slice only, more than one series, or the slices do not form a regular stack.
    """
    folder = files[0].parent
    datasets = [_open(file) for file in files]
    series = {str(getattr(dataset, "SeriesInstanceUID", "")) for dataset in datasets}
    if len(series) > 1:
        raise InputError(f"'{folder}' holds {len(series)} DICOM series: give each its own folder.")
    if len(datasets) == 1:
        raise InputError(f"'{folder}' holds one DICOM slice only: give the file for a 2-D image, or the whole series.")
    affine = _plane(datasets[0])
    if all(_has_position(dataset) for dataset in datasets):
        normal = np.cross(affine[:3, 0], affine[:3, 1])
        normal /= np.linalg.norm(normal)
        points = np.array([dataset.ImagePositionPatient for dataset in datasets], dtype=np.float64)
        order = np.argsort(points @ normal, kind="stable")
        points = points[order]
        _check_regular(np.diff(points @ normal), folder)
        # Not the normal: the slices of a tilted gantry are shifted against each other.
        affine[:3, 2] = (points[-1] - points[0]) / (len(points) - 1)
        affine[:3, 3] = points[0]
    else:
        order = np.argsort([int(getattr(dataset, "InstanceNumber", 0) or 0) for dataset in datasets], kind="stable")
        affine[2, 2] = _thickness(datasets[0])
    slices = [_pixels(datasets[number]) for number in order]
    shapes = {one.shape for one in slices}
    if len(shapes) > 1 or slices[0].shape[0] != 1:
        raise InputError(f"'{folder}' holds slices of the shapes {sorted(shapes)}: give grey slices of one size.")
    return np.moveaxis(np.stack(slices, axis=-1), 1, 2), LPS @ affine


def _open(path: Path) -> Any:
    import pydicom

    return pydicom.dcmread(path)


def _has_position(dataset: Any) -> bool:
    return bool(getattr(dataset, "ImagePositionPatient", None)) and bool(
        getattr(dataset, "ImageOrientationPatient", None)
    )


def _plane(dataset: Any) -> np.ndarray:
    """The affine (4, 4) to LPS from (column, row); the third axis stays to be set."""
    spacing = getattr(dataset, "PixelSpacing", None) or getattr(dataset, "ImagerPixelSpacing", None) or (1.0, 1.0)
    between_rows, between_columns = (float(value) for value in spacing)
    affine = np.eye(4)
    if _has_position(dataset):
        orientation = np.array(dataset.ImageOrientationPatient, dtype=np.float64)
        affine[:3, 0], affine[:3, 1] = orientation[:3], orientation[3:]
        affine[:3, 3] = dataset.ImagePositionPatient
    affine[:3, 0] *= between_columns
    affine[:3, 1] *= between_rows
    return affine


def _thickness(dataset: Any) -> float:
    value = getattr(dataset, "SpacingBetweenSlices", None) or getattr(dataset, "SliceThickness", None)
    return abs(float(value)) if value else 1.0


def _check_regular(distances: np.ndarray, folder: Path) -> None:
    mean = float(distances.mean())
    if float(distances.min()) < 1e-3:
        raise InputError(
            f"'{folder}' holds several slices at one position: give one time point or contrast per folder."
        )
    if float(np.abs(distances - mean).max()) > _UNEVEN * mean:
        raise InputError(
            f"'{folder}' lacks slices: their distances go from {distances.min():.3g} to {distances.max():.3g} mm; "
            "complete the series."
        )


def _pixels(dataset: Any) -> np.ndarray:
    """Pixels (C, rows, columns), rescaled to the units of the modality; as stored where the file gives no scale."""
    pixels = np.asarray(dataset.pixel_array)
    reversed_scale = getattr(dataset, "PhotometricInterpretation", "") == "MONOCHROME1"
    if reversed_scale and pixels.dtype.kind == "u" and getattr(dataset, "Modality", "") in _PROJECTIONS:
        pixels = (2 ** int(dataset.BitsStored) - 1 - pixels.astype(np.int64)).clip(0).astype(pixels.dtype)
    slope = float(getattr(dataset, "RescaleSlope", 1) or 1)
    intercept = float(getattr(dataset, "RescaleIntercept", 0) or 0)
    if (slope, intercept) != (1.0, 0.0):
        pixels = (pixels.astype(np.float64) * slope + intercept).astype(np.float32)
    return np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels[None]
