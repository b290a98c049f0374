"""The perceptual distance of one layer and its gradient in C++ for the CPU; that of the weights in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.ops._cpu._call import ACCUMULATE, SERVES, address, call, shape
from monai_gan.ops._torch.perceptual_distance import weight_gradient

__all__ = ["SERVES", "backward", "forward", "weight_gradient", "with_gradients"]


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


def with_gradients(
    features: list[Tensor], targets: list[Tensor], weights: list[Tensor | None], eps: float
) -> tuple[Tensor, list[Tensor]]:
    """The distance and the gradients of the features of all layers in one sweep.

    Args:
        features: (N, C, *S) per layer, of one type, not empty.
        targets, weights: per layer as for ``_torch.perceptual_distance.forward``.
        eps: added to the lengths.

    Returns:
        Distances (N,), summed over layers, in the accumulation type; the gradients of their sum, like ``features``.
    """
    distance = torch.empty(len(features[0]), dtype=ACCUMULATE[features[0].dtype])
    gradients = [torch.empty_like(f) for f in features]
    layers = ([address(one) for one in of_all] for of_all in (features, targets, weights, gradients))
    call("perceptual_distance_with_gradients", features[0], [shape(f) for f in features], eps, *layers, distance)
    return distance, gradients
