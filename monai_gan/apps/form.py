"""The file format that a bundle's images take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monai_gan.apps.synthesizer import intensity_scale
from monai_gan.errors import InputError

if TYPE_CHECKING:
    from monai_gan.bundle import BundleInfo


def choose_format(info: BundleInfo, format: str | None) -> str:
    """Pick the file format.

    Args:
        info: the bundle.
        format: what a person asked for, or None.

    Returns:
        "nii.gz", "nrrd", "png" or "dcm".

    Raises:
        InputError: unknown, or a PNG that cannot hold the images.
    """
    bits = intensity_scale(info).png_bits
    if format is None:
        return "png" if info.spatial_dims == 2 and bits else "nii.gz"
    ending = known_format(format)
    if ending == "png" and info.spatial_dims != 2:
        raise InputError(f"format='png' cannot hold the volumes of bundle {info.name!r}: use nii.gz or nrrd.")
    if ending == "png" and not bits:
        raise InputError(f"format='png' would lose the intensities of bundle {info.name!r}: use nii.gz or nrrd.")
    return ending


def known_format(format: str) -> str:
    """A file format as it is written at the end of a name.

    Raises:
        InputError: it is unknown.
    """
    from monai_gan.data.write import FORMATS

    ending = format.lower().lstrip(".")
    if ending not in FORMATS:
        raise InputError(f"format={format!r} is unknown: choose {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")
    return ending
