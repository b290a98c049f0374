"""The form that a bundle's images take in files: format, bits and geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monai_gan.apps.synthesizer import intensity_scale
from monai_gan.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from monai_gan.bundle import BundleInfo

FORMATS = ("nii.gz", "nrrd", "png")


def choose_format(info: BundleInfo, format: str | None) -> str:
    """Pick the file format.

    Args:
        info: the bundle.
        format: what a person asked for, or None.

    Returns:
        One of `FORMATS`.

    Raises:
        InputError: unknown, DICOM, or PNG for volumes.
    """
    bits = png_bits(info)
    if format is None:
        return "png" if info.spatial_dims == 2 and bits else "nii.gz"
    ending = format.lower().lstrip(".")
    if ending in ("dcm", "dicom"):
        raise InputError(
            f"format={format!r} is not possible yet: a DICOM file could not be marked as synthetic; use nii.gz or nrrd."
        )
    if ending not in FORMATS:
        raise InputError(f"format={format!r} is unknown: choose {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")
    if ending == "png" and info.spatial_dims != 2:
        raise InputError(f"format='png' cannot hold the volumes of bundle {info.name!r}: use nii.gz or nrrd.")
    if ending == "png" and not bits:
        raise InputError(f"format='png' would lose the intensities of bundle {info.name!r}: use nii.gz or nrrd.")
    return ending


def png_bits(info: BundleInfo) -> int:
    """Bits per value of a PNG that keeps the bundle's image units: 8 or 16, or 0 when none does."""
    scale = intensity_scale(info)
    # Below about 7 bits of whole numbers, rounding would be seen.
    if scale.minimum < 0 or scale.maximum > 65535 or scale.maximum - scale.minimum < 127:
        return 0
    return 8 if scale.maximum <= 255 else 16


def spacing_affine(info: BundleInfo) -> np.ndarray:
    """Affine (4, 4) in RAS of the images, with the voxel size of the metadata, 1 mm when it tells none.

    Args:
        info: the bundle; ``monai_gan.spacing_mm`` is one length per array axis.

    Raises:
        InputError: when the spacing does not fit the dimensions.
    """
    import numpy as np

    from monai_gan.data.geometry import default_affine

    spacing = info.extra.get("spacing_mm") or [1.0] * info.spatial_dims
    if len(spacing) != info.spatial_dims or not all(length > 0 for length in spacing):
        raise InputError(
            f"spacing_mm={spacing} of bundle {info.name!r} does not fit {info.spatial_dims} dimensions; correct it."
        )
    return default_affine(info.spatial_dims) @ np.diag([*spacing, *[1.0] * (4 - info.spatial_dims)])
