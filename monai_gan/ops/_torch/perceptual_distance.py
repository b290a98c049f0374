"""The perceptual distance of one layer and its derivatives, as closed forms in plain torch.

At each position, with the lengths s and s' of the two feature vectors f and f':

    r = 1 / (s + eps),  or 0 where s = 0,  r' likewise;    gap = r - r';    d_c = f_c r - f'_c r'

Written as (f_c - f'_c) min(r, r') + f_c max(gap, 0) + f'_c min(gap, 0), d keeps its digits where the features are
nearly equal, provided that gap does, which follows from the sum of (f'_c - f_c) (f'_c + f_c).
"""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.ops._checks import accumulation_type


def forward(f: Tensor, target: Tensor, weight: Tensor | None, eps: float) -> tuple[Tensor, Tensor]:
    """The distance, the mean over positions of the sum over channels of w_c d_c^2.

    Args:
        f: features (N, C, *S), not empty.
        target: f', of the same shape, type and layout.
        weight: w (C,) in the accumulation type, or None for 1.
        eps: added to the lengths.

    Returns:
        Distances (N,) and statistics (5, N, positions), both in the accumulation type: r and the share of f that its
        gradient loses, sum of w_c d_c f_c r / s; the same of the target, with -d; gap.
    """
    f, target = _positions(f), _positions(target)
    length, target_length = (torch.linalg.vector_norm(one, dim=1) for one in (f, target))
    reciprocal, target_reciprocal = (torch.where(one == 0, 0.0, 1 / (one + eps)) for one in (length, target_length))
    shorter = ((target - f) * (target + f)).sum(1) / (length + target_length)
    gap = torch.where(
        (length == 0) | (target_length == 0), reciprocal - target_reciprocal, shorter * reciprocal * target_reciprocal
    )
    difference = _difference(f, target, reciprocal, target_reciprocal, gap)
    weighted = _weighted(difference, weight)
    along = (weighted * f).sum(1) * reciprocal / length
    target_along = -(weighted * target).sum(1) * target_reciprocal / target_length
    statistics = (
        reciprocal,
        torch.where(length == 0, 0.0, along),
        target_reciprocal,
        torch.where(target_length == 0, 0.0, target_along),
        gap,
    )
    return (weighted * difference).sum(1).mean(1), torch.stack(statistics)


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
    """The gradient of the features, 2 grad r (w_c d_c - f_c along) / positions.

    That of the target comes from the same function: everything the other way round, and -gap.

    Args:
        grad: cotangent of the distance, (N,).
        f, other: of the forward pass.
        reciprocal, other_reciprocal, along, gap: statistics of the forward pass, each (N, positions).
        weight: of the forward pass.

    Returns:
        The gradient, like ``f``; 0 where a feature vector is 0.
    """
    values, others = _positions(f), _positions(other)
    weighted = _weighted(_difference(values, others, reciprocal, other_reciprocal, gap), weight)
    share = (2 * grad / values.shape[2])[:, None] * reciprocal
    gradient = share[:, None] * (weighted - values * along[:, None])
    return torch.empty_like(f).copy_(gradient.reshape(f.shape))


def weight_gradient(
    grad: Tensor, f: Tensor, target: Tensor, reciprocal: Tensor, target_reciprocal: Tensor, gap: Tensor
) -> Tensor:
    """The gradient of the weights, sum over samples of grad times the mean over positions of d_c^2.

    Args:
        grad: cotangent of the distance, (N,).
        f, target: of the forward pass.
        reciprocal, target_reciprocal, gap: statistics of the forward pass, each (N, positions).

    Returns:
        (C,) in the accumulation type.
    """
    difference = _difference(_positions(f), _positions(target), reciprocal, target_reciprocal, gap)
    return (grad[:, None] * difference.square().mean(2)).sum(0)


def _positions(f: Tensor) -> Tensor:
    """(N, C, positions) in the accumulation type."""
    return f.flatten(2).to(accumulation_type(f.dtype))


def _difference(f: Tensor, other: Tensor, reciprocal: Tensor, other_reciprocal: Tensor, gap: Tensor) -> Tensor:
    least, of_f, of_other = torch.minimum(reciprocal, other_reciprocal), gap.clamp(min=0), gap.clamp(max=0)
    return (f - other) * least[:, None] + f * of_f[:, None] + other * of_other[:, None]


def _weighted(difference: Tensor, weight: Tensor | None) -> Tensor:
    return difference if weight is None else difference * weight[:, None]
