"""Structural similarity and its derivative, in C++ for the CPU."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from monai_gan.ops._cpu._call import ACCUMULATE, SERVES, call, function

__all__ = ["SERVES", "backward", "forward"]


def forward(
    x: Tensor, y: Tensor, sizes: Sequence[int], sigmas: Sequence[float], c1: float, c2: float
) -> tuple[Tensor, Tensor]:
    """Similarity and contrast; see ``monai_gan.ops.ssim.reference``."""
    similarity, contrast = (torch.empty(x.shape[:2], dtype=ACCUMULATE[x.dtype]) for _ in range(2))
    call("ssim_forward", x, x, y, similarity, contrast, *_volumes(x, sizes, sigmas), c1, c2)
    return similarity, contrast


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
    """Their derivatives; see ``_torch.ssim.backward``."""
    grad_x, grad_y = torch.empty_like(x), torch.empty_like(y) if both else None
    extents, size, sigma = _volumes(x, sizes, sigmas)
    # From torch, whose allocator keeps count of it.
    numbers = function("ssim_workspace")(extents, size, both, torch.get_num_threads())
    workspace = torch.empty(numbers, dtype=ACCUMULATE[x.dtype])
    tensors = to_similarity, to_contrast, x, y, grad_x, grad_y, workspace
    call("ssim_backward", x, *tensors, extents, size, sigma, c1, c2)
    return grad_x, x.new_empty(0) if grad_y is None else grad_y


def _volumes(
    x: Tensor, sizes: Sequence[int], sigmas: Sequence[float]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...]]:
    """Extents and window of volumes, channels one after the other; an image is a volume of depth 1."""
    flat = (1,) * (3 - len(sizes))
    return (
        (x.shape[0] * x.shape[1], *flat, *x.shape[2:]),
        (*flat, *sizes),
        (*(float(one) for one in flat), *sigmas),
    )
