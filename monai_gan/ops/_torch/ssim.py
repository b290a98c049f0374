"""Structural similarity and its derivative in plain torch."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from monai_gan.ops._windows import shifts, slide, spread
from monai_gan.ops.ssim import reference as forward

__all__ = ["backward", "forward"]


def backward(
    to_similarity: Tensor,
    to_contrast: Tensor,
    x: Tensor,
    y: Tensor,
    sizes: Sequence[int],
    sigmas: Sequence[float],
    c1: float,
    c2: float,
    both: bool,
) -> tuple[Tensor, Tensor]:
    """Derivatives of ``<to_similarity, similarity> + <to_contrast, contrast>``.

    Per window with means mx and my, l = (2 mx my + c1) / (mx^2 + my^2 + c1), cs = (2 cov + c2) / (variances + c2), its
    share g of the cotangent of the similarity and h of that of the contrast, the derivatives are with respect to E[xy]:
    a = 2 (g l + h) / (variances + c2), to E[xx] and E[yy]: -cs a / 2, and to mx:
    2 g cs (my - l mx) / (mx^2 + my^2 + c1) + cs a mx - a my. Windows spread them over the positions that they cover.

    Args:
        to_similarity: cotangent (N, C).
        to_contrast: cotangent (N, C).
        x: contiguous, (N, C, *S), like all further arguments of the forward pass.
        y: likewise.
        sizes: likewise.
        sigmas: likewise.
        c1: likewise.
        c2: likewise.
        both: whether the gradient of ``y`` is wanted too.

    Returns:
        Gradients of ``x`` and of ``y``, contiguous; the second empty, (0,), if it is not wanted.
    """
    x_shift, y_shift = shifts(x), shifts(y)
    dx, dy = x.to(x_shift.dtype) - x_shift, y.to(y_shift.dtype) - y_shift
    mx, my, xx, yy, xy = (slide(each, sizes, sigmas) for each in (dx, dy, dx * dx, dy * dy, dx * dy))
    per_variances = 1 / ((xx - mx.square()) + (yy - my.square()) + c2)
    contrast = (2 * (xy - mx * my) + c2) * per_variances
    mean_x, mean_y = mx + x_shift, my + y_shift
    per_means = 1 / (mean_x.square() + mean_y.square() + c1)
    luminance = (2 * mean_x * mean_y + c1) * per_means
    share = 1 / mx[0, 0].numel()
    g, h = (share * each.reshape(x_shift.shape) for each in (to_similarity, to_contrast))
    to_product = 2 * (g * luminance + h) * per_variances
    to_square = -contrast * to_product
    to_means = 2 * g * contrast * per_means
    to_x = to_means * (mean_y - luminance * mean_x) - to_square * mx - to_product * my
    of_square, of_product = spread(to_square, sizes, sigmas), spread(to_product, sizes, sigmas)
    grad_x = spread(to_x, sizes, sigmas) + of_square * dx + of_product * dy
    if not both:
        return grad_x.to(x.dtype), x.new_empty(0)
    to_y = to_means * (mean_x - luminance * mean_y) - to_square * my - to_product * mx
    grad_y = spread(to_y, sizes, sigmas) + of_square * dy + of_product * dx
    return grad_x.to(x.dtype), grad_y.to(y.dtype)
