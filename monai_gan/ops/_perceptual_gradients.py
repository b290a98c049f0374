"""Perceptual distances whose gradients are computed with the values: features of all layers are read once."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from monai_gan.ops import _functorch
from monai_gan.ops._cpu.perceptual_distance import scale, with_gradients

#: By the number of samples: the cotangent of the last backward pass, 1 / N where a loop trains with a mean. Powers of
#: two alone, which round nothing: what is computed does not depend on what was expected, unless it is below 1e-28.
_EXPECTED: dict[int, float] = {}
_LEAST = 2.0**-30


class WithGradients(torch.autograd.Function):
    """The sum of the distances of all layers on the CPU, which keeps gradients in place of targets.

    They are those of the cotangent that is expected, so that most often nothing is left to do when the true one comes,
    and else they have only to be multiplied. Targets and weights have no gradient.
    """

    @staticmethod
    def forward(
        ctx: Any, targets: list[Tensor], weights: list[Tensor | None], eps: float, refusal: str, *features: Tensor
    ) -> Tensor:
        """Distances (N,) of dense feature maps and of what belongs to them, in their layout."""
        ctx.expected = _EXPECTED.get(len(features[0]), 1.0)
        distance, gradients = with_gradients(list(features), targets, weights, eps, ctx.expected)
        ctx.save_for_backward(*features, *gradients)
        ctx.refusal = refusal
        return distance

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        features, gradients = saved[: len(saved) // 2], saved[len(saved) // 2 :]
        factors = grad / ctx.expected
        if torch.is_grad_enabled():
            # Someone may differentiate once more. What depends on the features must not look constant then.
            scaled = [_Refusing.apply(_scaled(one, factors), f, ctx.refusal) for f, one in zip(features, gradients)]  # type: ignore[no-untyped-call]  # noqa: B905
        elif _functorch.is_plain(grad) and not _functorch.graph_is_kept():
            # Nobody else has the gradients, and nobody will ask for them again.
            scaled = list(gradients)
            if not bool((factors == 1).all()):
                scale(scaled, factors)
            _EXPECTED[len(grad)] = _power_of_two(grad)
        else:
            scaled = [_scaled(one, factors) for one in gradients]
        return (None, None, None, None, *scaled)


def _power_of_two(grad: Tensor) -> float:
    """The cotangent of all samples if it is one power of two, of at most 1; else 1."""
    first = grad[0].item()
    one_power = _LEAST <= first <= 1 and math.frexp(first)[0] == 0.5 and bool((grad == first).all())
    return first if one_power else 1.0


class _Refusing(torch.autograd.Function):
    """A gradient that cannot be differentiated."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, f: Tensor, message: str) -> Tensor:
        ctx.message = message
        return gradient

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor | None, ...]:
        raise RuntimeError(ctx.message)


def _scaled(gradient: Tensor, grad: Tensor) -> Tensor:
    return (gradient * grad.view(-1, *(1,) * (gradient.ndim - 1))).to(gradient.dtype)
