"""Structural similarity of images or volumes (SSIM), and its contrast term alone, as SSIM over scales needs it.

Orders of differentiation: the value and the first derivative by closed forms; plain torch gives any order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from monai_gan.ops import dispatch
from monai_gan.ops._checks import accumulation_type, check_tensors
from monai_gan.ops._library import Operation, plain_torch_serves
from monai_gan.ops._windows import UNIFORM, shifts, slide

KernelType = Literal["gaussian", "uniform"]
NAME = "ssim"


def reference(
    x: Tensor, y: Tensor, sizes: Sequence[int], sigmas: Sequence[float], c1: float, c2: float
) -> tuple[Tensor, Tensor]:
    """The definition in plain torch.

    Args:
        x: images or volumes (N, C, *S).
        y: the same.
        sizes: of the window, one per axis.
        sigmas: of the window, one per axis; infinite for a uniform one.
        c1: added to the squares of means, (k1 * data_range)^2.
        c2: added to variances, (k2 * data_range)^2.

    Returns:
        Means of similarity and contrast, (N, C) each, in float32 or wider.
    """
    x_shift, y_shift = shifts(x), shifts(y)
    x, y = x.to(x_shift.dtype) - x_shift, y.to(y_shift.dtype) - y_shift
    mean_x, mean_y, xx, yy, xy = (slide(each, sizes, sigmas) for each in (x, y, x * x, y * y, x * y))
    variances = (xx - mean_x.square()) + (yy - mean_y.square())
    covariance = xy - mean_x * mean_y
    mean_x, mean_y = mean_x + x_shift, mean_y + y_shift
    luminance = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    contrast = (2 * covariance + c2) / (variances + c2)
    axes = tuple(range(2, x.ndim))
    return (luminance * contrast).mean(axes), contrast.mean(axes)


def ssim(
    x: Tensor,
    y: Tensor,
    *,
    data_range: float = 1.0,
    kernel_type: KernelType = "gaussian",
    win_size: int | Sequence[int] = 11,
    kernel_sigma: float | Sequence[float] = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Tensor:
    """Mean structural similarity per sample and channel (Wang et al. 2004, equation 13).

    It compares means, variances and covariance in windows that slide over the image and stay inside. The window is a
    product of one window per axis. All is computed in float32 or wider, around a number near the mean of each image, so
    that variances keep their digits. The image itself gives 1; NaN propagates to its own sample and channel; an empty
    batch gives an empty result.

    Differentiable once in ``x`` and ``y`` through the fused backends, any number of times through plain torch, which
    also serves tracing, forward-mode derivatives and ``vmap``.

    Args:
        x: images (N, C, H, W) or volumes (N, C, D, H, W).
        y: the same shape; of two types the wider one is used.
        data_range: largest value that differs from the smallest by this much, above 0; 1 for images in [0, 1].
        kernel_type: window, ``"gaussian"`` or ``"uniform"``.
        win_size: side of the window, or one per axis; at most the side of the image.
        kernel_sigma: standard deviation of the Gaussian in pixels, or one per axis; above 0.
        k1: makes (k1 * data_range)^2, which is added to the squares of means; 0 or more.
        k2: makes (k2 * data_range)^2, which is added to variances; 0 or more.

    Returns:
        Similarity (N, C), at most 1, in float32 or the type of the images if that is wider.

    Raises:
        TypeError: an argument is no floating-point tensor.
        ValueError: shapes, devices or options do not fit.
        RuntimeError: a backend was asked for by name and cannot serve; or a second derivative is asked of a fused form.

    Example:
        >>> image = torch.rand(2, 1, 32, 32)
        >>> ssim(image, image).shape
        torch.Size([2, 1])
    """
    return ssim_and_contrast(
        x,
        y,
        data_range=data_range,
        kernel_type=kernel_type,
        win_size=win_size,
        kernel_sigma=kernel_sigma,
        k1=k1,
        k2=k2,
    )[0]


def ssim_and_contrast(
    x: Tensor,
    y: Tensor,
    *,
    data_range: float = 1.0,
    kernel_type: KernelType = "gaussian",
    win_size: int | Sequence[int] = 11,
    kernel_sigma: float | Sequence[float] = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> tuple[Tensor, Tensor]:
    """:func:`ssim` and the mean of its contrast and structure term (Wang, Simoncelli and Bovik 2003, equation 2).

    Args:
        x: as for :func:`ssim`, like all others.
        y: likewise.
        data_range: likewise.
        kernel_type: likewise.
        win_size: likewise.
        kernel_sigma: likewise.
        k1: likewise.
        k2: likewise.

    Returns:
        Similarity (N, C) and contrast (N, C).

    Raises:
        TypeError, ValueError, RuntimeError: as for :func:`ssim`.
    """
    tracing = torch.jit.is_tracing()
    if not tracing:
        check_images(x, y)
    sizes, sigmas = windows(x.ndim - 2, kernel_type, win_size, kernel_sigma)
    if not tracing:
        _check_fit(x, sizes)
    constants = _squared("k1", k1, data_range), _squared("k2", k2, data_range)
    dtype = torch.promote_types(x.dtype, y.dtype)
    x, y = x.to(dtype), y.to(dtype)
    if tracing or x.shape[0] == 0 or plain_torch_serves(NAME, x, y):
        return reference(x, y, sizes, sigmas, *constants)
    return _forward(x, y, sizes, sigmas, *constants)  # type: ignore[no-any-return]


def windows(
    spatial_dims: int, kernel_type: str, win_size: int | Sequence[int], kernel_sigma: float | Sequence[float]
) -> tuple[list[int], list[float]]:
    """Sizes and standard deviations of the window, one per axis; infinite ones for a uniform window.

    Raises:
        ValueError: an option is unknown, out of its range or not one per axis.
    """
    if kernel_type not in get_args(KernelType):
        raise ValueError(
            f"{NAME}: kernel_type='{kernel_type}' is not known; choose one of {', '.join(get_args(KernelType))}."
        )
    sizes = [int(size) for size in _per_axis("win_size", win_size, spatial_dims)]
    if min(sizes) < 1:
        raise ValueError(f"{NAME}: win_size={win_size} is no window; give 1 or more.")
    if kernel_type == "uniform":
        return sizes, [UNIFORM] * spatial_dims
    sigmas = [float(sigma) for sigma in _per_axis("kernel_sigma", kernel_sigma, spatial_dims)]
    if not all(0 < sigma < math.inf for sigma in sigmas):
        raise ValueError(
            f"{NAME}: kernel_sigma={kernel_sigma} makes no Gaussian; give a finite number of pixels above 0, "
            "or kernel_type='uniform'."
        )
    return sizes, sigmas


def _per_axis(name: str, value: Any, spatial_dims: int) -> list[Any]:
    """One value per axis from one for all, or from a sequence."""
    values = list(value) if isinstance(value, Sequence) else [value] * spatial_dims
    if len(values) != spatial_dims:
        raise ValueError(f"{NAME}: {name}={value} has {len(values)} values; give one, or {spatial_dims}, one per axis.")
    return values


def _squared(name: str, k: float, data_range: float) -> float:
    if not 0 < data_range < math.inf:
        raise ValueError(
            f"{NAME}: data_range={data_range} is no range; give the largest value less the smallest, above 0."
        )
    if not 0 <= k < math.inf:
        raise ValueError(f"{NAME}: {name}={k} is no constant; give a finite number of 0 or more.")
    return float((k * data_range) ** 2)


def check_images(x: Tensor, y: Tensor) -> None:
    """Refuse what are no images or volumes of one shape.

    Raises:
        TypeError, ValueError: as said.
    """
    check_tensors(NAME, {"x": x, "y": y})
    if x.ndim not in (4, 5) or 0 in x.shape[1:]:
        raise ValueError(
            f"{NAME}: x has shape {tuple(x.shape)}; give images (N, C, H, W) or volumes (N, C, D, H, W) with at least "
            "one channel and one pixel."
        )
    if x.shape != y.shape:
        raise ValueError(
            f"{NAME}: x has shape {tuple(x.shape)} and y {tuple(y.shape)}; crop or resize one to fit the other."
        )


def _check_fit(x: Tensor, sizes: Sequence[int]) -> None:
    if any(size > side for size, side in zip(sizes, x.shape[2:], strict=True)):
        raise ValueError(
            f"{NAME}: win_size={list(sizes)} is larger than images of {tuple(x.shape[2:])}; "
            f"give win_size={min(x.shape[2:])} or less, or larger images."
        )


def _forward_kernel(x: Tensor, y: Tensor, *options: Any) -> tuple[Tensor, Tensor]:
    return _kernels(x).forward(x.contiguous(), y.contiguous(), *options)  # type: ignore[no-any-return]


def _backward_kernel(
    to_similarity: Tensor, to_contrast: Tensor, x: Tensor, y: Tensor, *options: Any
) -> tuple[Tensor, Tensor]:
    *options, of_x, of_y = options  # type: ignore[assignment]
    cotangents = to_similarity.contiguous(), to_contrast.contiguous()
    x, y = x.contiguous(), y.contiguous()
    if of_x:
        return _kernels(x).backward(*cotangents, x, y, *options, of_y)  # type: ignore[no-any-return]
    # x and y have the same part in all formulas.
    grad_y, nothing = _kernels(x).backward(*cotangents, y, x, *options, False)
    return nothing, grad_y


def _kernels(x: Tensor) -> Any:
    return dispatch.kernels(NAME, x.device.type, x.dtype)


def _forward_fake(x: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    similarity, contrast = (x.new_empty(x.shape[:2], dtype=accumulation_type(x.dtype)) for _ in range(2))
    return similarity, contrast


def _backward_fake(
    to_similarity: Tensor, to_contrast: Tensor, x: Tensor, y: Tensor, *options: Any
) -> tuple[Tensor, Tensor]:
    *_, of_x, of_y = options
    grad_x, grad_y = (x.new_empty(x.shape if wanted else (0,)) for wanted in (of_x, of_y))
    return grad_x, grad_y


def _save_forward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, y, *options = inputs
    ctx.save_for_backward(x, y)
    ctx.options = options


def _through_forward(ctx: Any, to_similarity: Tensor, to_contrast: Tensor) -> tuple[Tensor | None, ...]:
    of_x, of_y = ctx.needs_input_grad[:2]
    grad_x, grad_y = _backward(to_similarity, to_contrast, *ctx.saved_tensors, *ctx.options, of_x, of_y)
    return grad_x if of_x else None, grad_y if of_y else None, None, None, None, None


_OPTIONS = "int[] sizes, float[] sigmas, float c1, float c2"
_forward = Operation(f"{NAME}(Tensor x, Tensor y, {_OPTIONS}) -> (Tensor, Tensor)", _forward_kernel, _forward_fake)
_backward = Operation(
    f"{NAME}_backward(Tensor to_similarity, Tensor to_contrast, Tensor x, Tensor y, {_OPTIONS}, bool of_x, bool of_y)"
    " -> (Tensor, Tensor)",
    _backward_kernel,
    _backward_fake,
)
_forward.differentiate(_through_forward, _save_forward)
_backward.end(f"{NAME}: the fused form has no second derivative; use monai_gan.ops.use_backend('torch').")
