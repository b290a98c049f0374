"""Structural similarity over several scales, made of the fused operation and average pooling.

Orders of differentiation: as for ``ssim``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.ops.ssim import KernelType, check_images, ssim_and_contrast, windows

#: Exponents of the scales, finest first (Wang, Simoncelli and Bovik 2003, section 3.2).
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def ms_ssim(
    x: Tensor,
    y: Tensor,
    *,
    weights: Sequence[float] = SCALE_WEIGHTS,
    data_range: float = 1.0,
    kernel_type: KernelType = "gaussian",
    win_size: int | Sequence[int] = 11,
    kernel_sigma: float | Sequence[float] = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Tensor:
    """Structural similarity over scales per sample (Wang, Simoncelli and Bovik 2003, equation 7).

    The contrast terms of all scales but the coarsest, and the similarity of that one, each raised to the weight of its
    scale, are multiplied. A scale halves the one before by averages of 2 pixels per axis. Terms are means over windows
    and channels; one that is 0 or less counts as 0, and has no gradient.

    Args:
        x: images (N, C, H, W) or volumes (N, C, D, H, W); each side divided by 2 ** (scales - 1), rounded down, must
            be no smaller than the window.
        y: the same shape.
        weights: one per scale, finest first.
        data_range: as for :func:`monai_gan.ops.ssim`, like all further arguments.
        kernel_type: likewise.
        win_size: likewise.
        kernel_sigma: likewise.
        k1: likewise.
        k2: likewise.

    Returns:
        Similarity (N,), 0..1, in float32 or the type of the images if that is wider.

    Raises:
        TypeError, ValueError, RuntimeError: as for :func:`monai_gan.ops.ssim`.
        ValueError: the images are too small for so many scales, or there are none.

    Example:
        >>> image = torch.rand(2, 1, 64, 64)
        >>> ms_ssim(image, image, weights=(0.3, 0.3, 0.4)).shape
        torch.Size([2])
    """
    if not weights:
        raise ValueError("ms_ssim: weights is empty; give one weight per scale, finest first.")
    if not torch.jit.is_tracing():
        check_images(x, y)
        sizes, _ = windows(x.ndim - 2, kernel_type, win_size, kernel_sigma)
        check_scales(x.shape[2:], sizes, len(weights))
    pool = F.avg_pool2d if x.ndim == 4 else F.avg_pool3d
    result = None
    for scale, weight in enumerate(weights):
        if scale > 0:
            x, y = pool(x, 2), pool(y, 2)
        similarity, contrast = ssim_and_contrast(
            x,
            y,
            data_range=data_range,
            kernel_type=kernel_type,
            win_size=win_size,
            kernel_sigma=kernel_sigma,
            k1=k1,
            k2=k2,
        )
        term = _power((similarity if scale == len(weights) - 1 else contrast).mean(1), weight)
        result = term if result is None else result * term
    return result  # type: ignore[return-value]


def check_scales(extents: Sequence[int], sizes: Sequence[int], scales: int) -> None:
    """Refuse images that are smaller than the window at the coarsest scale.

    Raises:
        ValueError: as said.
    """
    for axis, (extent, size) in enumerate(zip(extents, sizes, strict=True)):
        if extent >> (scales - 1) < size:
            fitting = max((extent // size).bit_length(), 1)
            raise ValueError(
                f"ms_ssim: {scales} weights make {scales} scales, and at the last axis {axis} of length {extent} has "
                f"{extent >> (scales - 1)} pixels, fewer than the window of {size}; give images of at least "
                f"{size << (scales - 1)}, a smaller window, or {fitting} weight(s)."
            )


def _power(value: Tensor, weight: float) -> Tensor:
    """The value to the weight; 0, without a gradient, where it is 0 or less. NaN comes through."""
    nothing = value <= 0
    return torch.where(nothing, 0.0, torch.where(nothing, 1.0, value) ** weight)
