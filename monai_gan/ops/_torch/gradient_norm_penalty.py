"""Penalties on per-sample gradient norms, their gradient and the derivative of that, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.ops._checks import accumulation_type

TWO_SIDED, ONE_SIDED, ZERO_CENTRED = range(3)


def forward(grad: Tensor, kind: int, weight: float, target: float) -> tuple[Tensor, Tensor]:
    """The penalty of norms n_i = ||g_i||: weight times the mean of (n - target)^2, max(0, n - target)^2 or n^2 / 2.

    Args:
        grad: g, (N, ...), not empty.
        kind: 0 two-sided, 1 one-sided, 2 zero-centred.
        weight: factor of the mean.
        target: norm that the first two kinds ask for.

    Returns:
        The penalty, a scalar, and the norms (N,), both in the accumulation type.
    """
    norms = torch.linalg.vector_norm(_rows(grad), dim=1)
    excess = norms - target if kind != ZERO_CENTRED else norms
    if kind == ONE_SIDED:
        excess = excess.relu()
    return weight * (0.5 if kind == ZERO_CENTRED else 1.0) * excess.square().mean(), norms


def backward(out_grad: Tensor, grad: Tensor, norms: Tensor, kind: int, weight: float, target: float) -> Tensor:
    """``out_grad * s_i g_i``, where s_i is 2 weight / N (1 - target / n_i), or weight / N if zero-centred.

    Args:
        out_grad: cotangent of the penalty, a scalar.
        grad, norms, kind, weight, target: of the forward pass.

    Returns:
        The gradient, like ``grad``; 0 where the norm is 0.
    """
    return _scaled(grad, out_grad * _factors(norms, kind, weight, target))


def double_backward(
    u: Tensor, out_grad: Tensor, grad: Tensor, norms: Tensor, kind: int, weight: float, target: float
) -> tuple[Tensor, Tensor]:
    """Derivatives of ``<u, backward(...)>``.

    Args:
        u: cotangent of what :func:`backward` returned, like ``grad``.
        out_grad, grad, norms, kind, weight, target: of the backward pass.

    Returns:
        Cotangent of ``out_grad``, sum of s_i <g_i, u_i>, and of ``grad``,
        out_grad (s_i u_i + 2 weight target / (N n_i^3) <g_i, u_i> g_i).
    """
    factors = _factors(norms, kind, weight, target)
    inner = (_rows(grad) * _rows(u)).sum(dim=1)
    cot_grad = _scaled(u, out_grad * factors)
    if kind != ZERO_CENTRED:
        active = norms > (target if kind == ONE_SIDED else 0.0)
        curvature = torch.where(active, 2 * weight * target / len(norms) * norms.pow(-3), 0.0)
        cot_grad = cot_grad + _scaled(grad, out_grad * curvature * inner)
    return (factors * inner).sum(), cot_grad


def _factors(norms: Tensor, kind: int, weight: float, target: float) -> Tensor:
    """s_i, the ratio of the penalty's gradient to g_i."""
    share = weight / len(norms)
    if kind == ZERO_CENTRED:
        return torch.full_like(norms, share)
    factors = 2 * share * (1 - target / norms)
    if kind == ONE_SIDED:
        # Not a comparison with the target alone: a NaN has to come through.
        factors = torch.where(norms <= target, 0.0, factors)
    return torch.where(norms == 0, 0.0, factors)


def _rows(grad: Tensor) -> Tensor:
    return grad.flatten(1).to(accumulation_type(grad.dtype))


def _scaled(grad: Tensor, factors: Tensor) -> Tensor:
    """One factor per sample, multiplied in the accumulation type and rounded once."""
    wide = grad.to(factors.dtype) * factors.reshape(-1, *(1,) * (grad.ndim - 1))
    return torch.empty_like(grad).copy_(wide)
