"""Refuse what is no image of one measured quantity, before any work is done."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from monai_gan.apps.memory import free_bytes
from monai_gan.apps.volume_form import VolumeForm
from monai_gan.errors import HostMemoryError, InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from monai_gan.bundle import BundleInfo

#: Images have more values than this; masks and label maps have not.
MOST_LABELS = 16
#: Copies of input and result that are alive at one time, as float32.
_COPIES = 5


def split_frames(image: Tensor, form: VolumeForm, info: BundleInfo) -> list[Tensor]:
    """The images that one array holds: itself, or the frames of a series, which MONAI has as channels.

    Args:
        image: (C, rows, columns) or (C, X, Y, Z).
        form: of the bundle.
        info: the bundle.

    Returns:
        Images (in_channels, *S).

    Raises:
        InputError: the array has other axes, colours, or channels that do not fit.
    """
    name, channels = info.name, form.in_channels
    if image.ndim not in (3, 4) or not image.numel():
        raise InputError(
            f"image has the shape {tuple(image.shape)}: give (C, X, Y, Z), or (C, rows, columns) for a single slice."
        )
    if len(image) == channels:
        return [image]
    if image.ndim == 3 and len(image) in (3, 4):
        raise InputError(f"image has {len(image)} colours, but {name!r} takes {channels} grey channel: convert it.")
    if channels == 1:
        return list(image.split(1))
    raise InputError(f"image has {len(image)} channels, but {name!r} takes {channels}: give these, in its order.")


def check_frame(image: Tensor, form: VolumeForm, info: BundleInfo) -> None:
    """Refuse a mask, a label map, values that are not finite, and volumes without depth or too large.

    Args:
        image: (in_channels, *S).
        form: of the bundle.
        info: the bundle.

    Raises:
        InputError: it cannot be an image for this bundle.
        HostMemoryError: input and result do not fit into memory.
    """
    import torch

    size = tuple(image.shape[1:])
    if form.spatial_dims == 3 and (len(size) < 3 or min(size) < 2):
        raise InputError(f"image of {size} voxels has no depth, but {info.name!r} works on volumes: give all slices.")
    needed = _COPIES * 4 * image.numel() * prod(form.scale)
    free = free_bytes(torch.device("cpu"))
    if needed > free:
        raise HostMemoryError(
            f"An image of {size} voxels needs about {needed / 1e9:.1f} GB here and {free / 1e9:.1f} GB are free: "
            "crop it, or close other programs."
        )
    if image.dtype.is_floating_point and (count := int((~image.isfinite()).sum())):
        raise InputError(f"image has {count} NaN or infinite values: replace them, for instance by the background.")
    _check_values(image, info)


def _check_values(image: Tensor, info: BundleInfo) -> None:
    found: torch.Tensor = image.unique()
    if len(found) == 1:
        raise InputError(f"image has the value {found[0]:g} everywhere: there is nothing to work on.")
    if len(found) <= MOST_LABELS:
        listed = ", ".join(f"{value:g}" for value in found[:5])
        raise InputError(
            f"image has {len(found)} different values only ({listed} ...): it looks like a mask or a label map; "
            f"{info.name!r} takes {info.extra.get('modality_in') or 'images'}."
        )
