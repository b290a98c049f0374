"""Resize images in 2-D and 3-D with antialiasing."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import interpolate


def resize(image: Tensor, size: Sequence[int]) -> Tensor:
    """Resize by a triangle filter that widens when shrinking, so that fine detail does not alias.

    Args:
        image: image (C, H, W) or (C, D, H, W), any real type.
        size: the wanted spatial size.

    Returns:
        Image (C, *size) of the same type, integers rounded.
    """
    if tuple(image.shape[1:]) == tuple(size):
        return image
    if image.ndim == 3:
        value = _plane(image.float()[None], size)[0]
    else:
        # torch has the filter in 2-D only, but it is separable: the first axis is a second pass.
        value = _plane(image.float(), size[1:])
        value = _plane(value.movedim(1, 2), (size[0], size[2])).movedim(2, 1).contiguous()
    return value if image.dtype.is_floating_point else value.round().to(image.dtype)


def _plane(image: Tensor, size: Sequence[int]) -> Tensor:
    return interpolate(image, tuple(size), mode="bilinear", antialias=True)
