"""The perceptual distance of one layer and its gradient in C++ for the CPU; that of the weights in plain torch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from monai_gan.ops._cpu._call import ACCUMULATE, SERVES, address, call, shape
from monai_gan.ops._torch.perceptual_distance import weight_gradient

__all__ = ["SERVES", "backward", "forward", "scale", "weight_gradient", "with_gradients", "without_gradients"]

LINE = 64  # bytes of a line of a cache
KEPT = 32 << 20  # bytes: more, in one piece, no allocator keeps


def forward(f: Tensor, target: Tensor, weight: Tensor | None, eps: float) -> tuple[Tensor, Tensor]:
    """The distance and the statistics; see ``_torch.perceptual_distance.forward``."""
    distance = torch.empty(len(f), dtype=ACCUMULATE[f.dtype])
    statistics = distance.new_empty(5, len(f), f[0, 0].numel())
    call("perceptual_distance_forward", f, shape(f), eps, f, target, weight, distance, statistics)
    return distance, statistics


def backward(
    grad: Tensor,
    f: Tensor,
    other: Tensor,
    reciprocal: Tensor,
    other_reciprocal: Tensor,
    along: Tensor,
    gap: Tensor,
    weight: Tensor | None,
) -> Tensor:
    """The gradient of the features; see ``_torch.perceptual_distance.backward``."""
    grad_f = torch.empty_like(f)
    statistics = reciprocal, other_reciprocal, along, gap
    call("perceptual_distance_backward", f, shape(f), grad, f, other, *statistics, weight, grad_f)
    return grad_f


def without_gradients(
    features: list[Tensor], targets: list[Tensor], weights: list[Tensor | None], eps: float
) -> Tensor:
    """The distance alone, summed over layers; arguments as for :func:`with_gradients`."""
    return _summed(features, targets, weights, [None] * len(features), eps, 1.0)


def with_gradients(
    features: list[Tensor], targets: list[Tensor], weights: list[Tensor | None], eps: float, cotangent: float
) -> tuple[Tensor, list[Tensor]]:
    """The distance and the gradients of the features of all layers in one sweep.

    Args:
        features: (N, C, *S) per layer, of one type, not empty.
        targets, weights: per layer as for ``_torch.perceptual_distance.forward``.
        eps: added to the lengths.
        cotangent: of all distances.

    Returns:
        Distances (N,), summed over layers, in the accumulation type; the gradients of their sum times the cotangent,
        like ``features``.
    """
    gradients = _like_all(features)
    return _summed(features, targets, weights, gradients, eps, cotangent), gradients


def scale(gradients: list[Tensor], factors: Tensor) -> None:
    """Multiply the gradients of every sample (N, C, *S) by its factor, of (N,), in place."""
    sizes = [one[0].numel() for one in gradients]
    layers = [address(one) for one in gradients]
    call("perceptual_distance_scale", gradients[0], factors.contiguous(), sizes, layers, len(factors))


def _summed(
    features: list[Tensor],
    targets: list[Tensor],
    weights: list[Tensor | None],
    gradients: Sequence[Tensor | None],
    eps: float,
    cotangent: float,
) -> Tensor:
    distance = torch.empty(len(features[0]), dtype=ACCUMULATE[features[0].dtype])
    layers = ([address(one) for one in of_all] for of_all in (features, targets, weights, gradients))
    call("perceptual_distance_of_layers", features[0], [shape(f) for f in features], eps, cotangent, *layers, distance)
    return distance


def _like_all(features: list[Tensor]) -> list[Tensor]:
    """Tensors like the features.

    If they are not too large, in one piece of memory: an allocator gives back to the system what is more than twice its
    largest piece, so that the pages of several would be new at every call, which costs as much as to compute them.
    """
    ends = list(accumulate(-(-f.nbytes // LINE) * LINE for f in features))
    if ends[-1] > KEPT:
        return [torch.empty_like(f) for f in features]
    storage = torch.empty(ends[-1], dtype=torch.uint8).untyped_storage()
    starts = [0, *ends[:-1]]
    return [
        f.new_empty(0).set_(storage, start // f.itemsize, f.shape, f.stride())
        for f, start in zip(features, starts, strict=True)
    ]
