"""Small pictures of volumes for the gallery."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

#: Pixels of the longer side.
SIZE = 192


def thumbnail(node: Any) -> str:
    """The middle axial slice of a volume as a data URL of a PNG, patient's right on the left, anterior up.

    Args:
        node: a vtkMRMLScalarVolumeNode.
    """
    from PIL import Image

    from monai_gan.mrml import volume_array
    from monai_gan.mrml.exchange import affine_of

    picture = Image.fromarray(grey_levels(axial_slice(volume_array(node), affine_of(node))))
    scale = SIZE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    file = io.BytesIO()
    picture.resize(size, Image.Resampling.BICUBIC).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def axial_slice(voxels: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """The middle slice across the axis that runs from feet to head, or nearly so.

    Args:
        voxels: (slices, rows, columns).
        affine: (4, 4) from the indices (column, row, slice) to RAS.

    Returns:
        (rows, columns), rows from anterior to posterior, columns from the patient's right to the left.
    """
    from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform

    turn = ornt_transform(io_orientation(affine), axcodes2ornt("LPS"))
    turned: np.ndarray = apply_orientation(voxels.transpose(2, 1, 0), turn)
    return turned[:, :, turned.shape[2] // 2].T


def grey_levels(image: np.ndarray) -> np.ndarray:
    """Values between the 0.5th and the 99.5th percentile as 0 .. 255, uint8."""
    import numpy as np

    low, high = np.percentile(image, (0.5, 99.5))
    scaled = (image.astype(np.float64) - low) / max(high - low, 1e-12)
    levels: np.ndarray = (255 * np.clip(scaled, 0, 1)).round().astype(np.uint8)
    return levels
