"""How an array's axes relate to space, one convention for every file format.

In memory a 3-D image is (C, X, Y, Z), as in MONAI, and a 2-D image is (C, rows, columns), whatever its file. The 4 x 4
affine takes those indices to millimetres in RAS. Files store x first, so that a 2-D image is turned on its way in and
out, with its affine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monai_gan.errors import InputError

# A picture without geometry, upright for a viewer: columns run to the patient's left, rows downwards (x and y of
# DICOM).
PICTURE_AFFINE = np.array([[0.0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])

_SWAP = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])

# RAS to LPS and back.
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def swap_plane(image: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Swap the two axes of a 2-D image (C, A, B) and of its affine; twice gives both back.

    Args:
        image: image (C, A, B).
        affine: affine (4, 4) from indices (a, b, slice) to space.

    Returns:
        Image (C, B, A) and its affine.
    """
    return image.swapaxes(1, 2), affine @ _SWAP


def default_affine(spatial_dims: int, spacing: Sequence[float] | None = None) -> np.ndarray:
    """The affine (4, 4) of an image without geometry: a picture upright, a volume along the axes.

    Args:
        spatial_dims: 2 or 3.
        spacing: millimetres per array axis; default: 1 mm.

    Raises:
        InputError: the spacing does not fit the dimensions.
    """
    affine = PICTURE_AFFINE.copy() if spatial_dims == 2 else np.eye(4)
    if spacing is None:
        return affine
    if len(spacing) != spatial_dims or not all(length > 0 for length in spacing):
        raise InputError(
            f"spacing_mm={list(spacing)} does not fit {spatial_dims} dimensions: give one positive length per axis."
        )
    return affine @ np.diag([*spacing, *[1.0] * (4 - spatial_dims)])


def as_volume(image: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give (C, X, Y, Z) and its affine: of a 2-D image (C, rows, columns) one slice, x first; a volume as it is."""
    if image.ndim == 4:
        return image, affine
    turned, matrix = swap_plane(image, affine)
    return turned[..., None], matrix


def rescaled_affine(affine: np.ndarray, factors: Sequence[float]) -> np.ndarray:
    """The affine of an image with more or fewer voxels in the same box.

    The box that the voxels fill keeps its corners, so that the centre of the first voxel moves by less than half the
    larger voxel: ``index = (new index + 0.5) / factor - 0.5``.

    Args:
        affine: (D + 1, D + 1) from indices to millimetres.
        factors: voxels that each voxel becomes, per axis; below 1 to make fewer of them.

    Returns:
        The affine of that image; the same values when all factors are 1.
    """
    step = np.ones(len(affine))
    step[: len(factors)] = 1 / np.asarray(factors, dtype=np.float64)
    finer = np.diag(step)
    finer[:-1, -1] = (step[:-1] - 1) / 2
    rescaled: np.ndarray = affine @ finer
    return rescaled


def spacing_of(affine: np.ndarray) -> tuple[float, float, float]:
    """Millimetres per index along the three axes of an affine (4, 4)."""
    first, second, third = (float(length) for length in np.linalg.norm(affine[:3, :3], axis=0))
    return first, second, third
