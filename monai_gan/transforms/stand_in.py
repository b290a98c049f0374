"""Synthetic images in the place of real ones: how often, which is which, and of what type they are."""

from __future__ import annotations

from typing import Any

import torch
from monai.data.meta_obj import get_track_meta
from monai.data.meta_tensor import MetaTensor
from monai.utils import convert_to_tensor
from torch import Tensor

from monai_gan.errors import InputError


def check_probability(prob: float) -> None:
    """Refuse what is no probability.

    Raises:
        InputError: ``prob`` is out of range.
    """
    if not 0 <= prob <= 1:
        raise InputError(f"prob={prob} is no probability: give 0 to 1.")


def as_real(image: Any) -> Tensor:
    """The image as MONAI's transforms hand images on, marked as not synthetic unless it says that it is."""
    tensor: Tensor = convert_to_tensor(image, track_meta=get_track_meta())
    if not isinstance(tensor, MetaTensor):
        return tensor
    # A batch keeps only those entries of meta that all of its images have. The input's own meta and trace stay as they
    # are: marks are added to the one, and transforms that are undone take their entry out of the other.
    meta = {"synthetic": False, **tensor.meta}
    return MetaTensor(tensor.as_tensor(), meta=meta, applied_operations=list(tensor.applied_operations))


def matched(synthetic: Tensor, real: Tensor) -> Tensor:
    """A synthetic image in the type of the real one that it stands for, and on its device.

    Raises:
        InputError: they have different numbers of axes or channels.
    """
    if synthetic.ndim != real.ndim or len(synthetic) != len(real):
        raise InputError(
            f"the synthetic image {tuple(synthetic.shape)} does not fit the real one {tuple(real.shape)}: both must be "
            "(C, *S) with as many channels and axes; put the transform after EnsureChannelFirst."
        )
    return alike(synthetic, real)


def alike(image: Tensor, other: Tensor) -> Tensor:
    """An image in the type of another, whole numbers rounded, on its device, and with metadata if that has some."""
    if isinstance(image, MetaTensor) and not isinstance(other, MetaTensor):
        image = image.as_tensor()
    if not other.dtype.is_floating_point:
        bounds = torch.iinfo(other.dtype)
        image = image.round().clamp(bounds.min, bounds.max)
    return image.to(device=other.device, dtype=other.dtype)
