"""Penalties on per-sample gradient norms, their gradient and the derivative of that, in C++ for the CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.ops._cpu._call import ACCUMULATE, SERVES, call

__all__ = ["SERVES", "backward", "double_backward", "forward"]


def forward(grad: Tensor, kind: int, weight: float, target: float) -> tuple[Tensor, Tensor]:
    """The penalty and the norms; see ``_torch.gradient_norm_penalty.forward``."""
    penalty = torch.empty((), dtype=ACCUMULATE[grad.dtype])
    norms = torch.empty(len(grad), dtype=penalty.dtype)
    call("gradient_norm_penalty_forward", grad, grad, penalty, norms, *_rows(grad), kind, weight, target)
    return penalty, norms


def backward(out_grad: Tensor, grad: Tensor, norms: Tensor, kind: int, weight: float, target: float) -> Tensor:
    """The penalty's gradient; see ``_torch.gradient_norm_penalty.backward``."""
    out = torch.empty_like(grad)
    call("gradient_norm_penalty_backward", grad, out_grad, grad, norms, out, *_rows(grad), kind, weight, target)
    return out


def double_backward(
    u: Tensor, out_grad: Tensor, grad: Tensor, norms: Tensor, kind: int, weight: float, target: float
) -> tuple[Tensor, Tensor]:
    """The derivative of the gradient; see ``_torch.gradient_norm_penalty.double_backward``."""
    cot_out_grad, cot_grad = torch.empty_like(out_grad), torch.empty_like(grad)
    tensors = u, out_grad, grad, norms, cot_out_grad, cot_grad
    call("gradient_norm_penalty_double_backward", grad, *tensors, *_rows(grad), kind, weight, target)
    return cot_out_grad, cot_grad


def _rows(grad: Tensor) -> tuple[int, int]:
    return len(grad), grad.numel() // len(grad)
