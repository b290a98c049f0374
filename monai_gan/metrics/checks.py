"""What features and images must be before a figure is worth computing."""

from __future__ import annotations

import sys
import warnings

import torch
from torch import Tensor

from monai_gan.errors import InputError


def check_rows(features: Tensor, name: str, size: int | None = None) -> Tensor:
    """Refuse what is not a matrix of finite features.

    Args:
        features: (n, F).
        name: how the error calls them.
        size: the F that is expected, or None for any.

    Returns:
        The features without their graph.

    Raises:
        InputError: if they are no matrix of real numbers, of another width, NaN or infinite.
    """
    if not isinstance(features, Tensor) or features.ndim != 2 or features.shape[1] == 0 or features.is_complex():
        shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise InputError(f"{name}: {shape} is no matrix of features; give (images, features), pooled over space.")
    if size is not None and features.shape[1] != size:
        raise InputError(
            f"{name}: {features.shape[1]} features per image, not {size}; use one extractor for both sets."
        )
    features = features.detach()
    if not torch.isfinite(features).all():
        bad = int((~torch.isfinite(features)).any(dim=1).sum())
        raise InputError(
            f"{name}: {bad} of {len(features)} images have features that are NaN or infinite; look at those images and "
            "at the extractor's value range."
        )
    return features


def check_pair(x: Tensor, y: Tensor, names: tuple[str, str], least: int = 2) -> tuple[Tensor, Tensor]:
    """Refuse two sets of features that cannot be compared, and warn of a set without any variation.

    Args:
        x: (n, F).
        y: (m, F), the reference.
        names: how errors call the two.
        least: images that each set needs.

    Returns:
        The two sets without their graph, on the device of ``x``.

    Raises:
        InputError: if a set is too small, not finite, of another width, or if the reference is constant.
    """
    x = check_rows(x, names[0])
    y = check_rows(y, names[1], x.shape[1]).to(x.device)
    for features, name in zip((x, y), names, strict=True):
        check_count(len(features), name, least)
    check_variation(bool((y != y[0]).any()), names[1], reference=True)
    check_variation(bool((x != x[0]).any()), names[0])
    return x, y


def check_count(count: int, name: str, least: int) -> None:
    """Refuse too few images.

    Raises:
        InputError: if there are fewer than ``least``.
    """
    if count < least:
        raise InputError(f"{name}: {count} images are too few; give at least {least}.")


def check_variation(varies: bool, name: str, *, reference: bool = False) -> None:
    """Refuse a reference whose images all have the same features; warn of another such set.

    Raises:
        InputError: for a reference.
    """
    if varies:
        return
    if reference:
        raise InputError(
            f"{name}: all images have the same features, so nothing can be compared with them; look at the images and "
            "at the extractor's value range."
        )
    warn_caller(
        f"{name}: all images have the same features: the generator collapsed, or the extractor is blind to the images."
    )


def warn_caller(message: str) -> None:
    """Warn at the line that called this package, however deep the call."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].startswith(__package__):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def check_images(images: Tensor, name: str, value_range: tuple[float, float] | None = None) -> Tensor:
    """Refuse what is not a batch of finite images in the stated range.

    Args:
        images: (N, C, *S) in 2-D or 3-D, real numbers.
        name: how the error calls them.
        value_range: smallest and largest value; a twentieth of its width beyond either end is let pass.

    Returns:
        The images without their graph, at least in float32.

    Raises:
        InputError: if they are no such batch, NaN, infinite, or beyond the range.
    """
    if not isinstance(images, Tensor) or images.ndim not in (4, 5) or not images.numel() or images.is_complex():
        shape = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise InputError(f"{name}: {shape} is no batch of images; give (images, channels, *space) in 2-D or 3-D.")
    images = images.detach()
    images = images if images.dtype in (torch.float32, torch.float64) else images.float()
    smallest, largest = (float(v) for v in torch.aminmax(images))
    if not (abs(smallest) < float("inf") and abs(largest) < float("inf")):  # also false for NaN
        raise InputError(f"{name}: the images hold NaN or infinite values; leave those images out.")
    if value_range is not None:
        low, high = check_range(value_range)
        slack = (high - low) / 20
        if smallest < low - slack or largest > high + slack:
            raise InputError(
                f"{name}: values from {smallest:g} to {largest:g} are outside of value_range=({low:g}, {high:g}); pass "
                "the range that the images are in."
            )
    return images


def check_range(value_range: tuple[float, float]) -> tuple[float, float]:
    """Refuse what is not a range of values.

    Raises:
        InputError: if the two are not finite and in order.
    """
    low, high = (float(v) for v in value_range)
    if not (abs(low) < float("inf") and abs(high) < float("inf") and low < high):
        raise InputError(f"value_range=({low}, {high}) is no range; give a finite minimum below a finite maximum.")
    return low, high
