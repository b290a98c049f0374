"""Normalisation and activation, its backward and the backward of that, in C++ for the CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.ops._cpu._call import ACCUMULATE, SERVES, call, shape

__all__ = ["SERVES", "backward", "double_backward", "forward"]


def forward(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, num_groups: int, eps: float, smooth: bool, slope: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise and activate; see ``_torch.group_norm_act.forward``."""
    z = torch.empty_like(x)
    mean = torch.empty(x.shape[0], num_groups, dtype=ACCUMULATE[x.dtype])
    rstd = torch.empty_like(mean)
    call("group_norm_act_forward", x, shape(x, num_groups), smooth, slope, eps, x, weight, bias, z, mean, rstd)
    return z, mean, rstd


def backward(
    grad: Tensor,
    x: Tensor,
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    num_groups: int,
    smooth: bool,
    slope: float,
    parameters: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """First derivatives; see ``_torch.group_norm_act.backward``."""
    grad_x = torch.empty_like(x)
    grad_weight = torch.empty(x.shape[1] if parameters else 0, dtype=ACCUMULATE[x.dtype])
    grad_bias = torch.empty_like(grad_weight)
    saved = grad, x, mean, rstd, weight, bias
    results = (grad_x, grad_weight, grad_bias) if parameters else (grad_x, None, None)
    call("group_norm_act_backward", x, shape(x, num_groups), smooth, slope, *saved, *results)
    return grad_x, grad_weight, grad_bias


def double_backward(
    v: Tensor,
    p: Tensor | None,
    s: Tensor | None,
    grad: Tensor,
    x: Tensor,
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    num_groups: int,
    smooth: bool,
    slope: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Derivatives of the first derivatives; see ``_torch.group_norm_act.double_backward``."""
    cot_grad, cot_x = torch.empty_like(x), torch.empty_like(x)
    cot_weight = torch.empty(x.shape[1], dtype=ACCUMULATE[x.dtype])
    cot_bias = torch.empty_like(cot_weight)
    saved = v, p, s, grad, x, mean, rstd, weight, bias
    results = cot_grad, cot_x, cot_weight, cot_bias
    call("group_norm_act_double_backward", x, shape(x, num_groups), smooth, slope, *saved, *results)
    return results
