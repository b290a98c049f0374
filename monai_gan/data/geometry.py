"""How an array's axes relate to space, one convention for every file format.

In memory a 3-D image is (C, X, Y, Z), as in MONAI, and a 2-D image is (C, rows, columns), whatever its file. The 4 x 4
affine takes those indices to millimetres in RAS. Files store x first, so that a 2-D image is turned on its way in and
out, with its affine.
"""

from __future__ import annotations

import numpy as np

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


def default_affine(spatial_dims: int) -> np.ndarray:
    """The affine (4, 4) of an image without geometry: 1 mm, a picture upright, a volume along the axes."""
    return PICTURE_AFFINE.copy() if spatial_dims == 2 else np.eye(4)
