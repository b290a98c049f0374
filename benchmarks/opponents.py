"""What the fused operations are measured against, each as fast as its kind allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
EPS = 1e-5


def eager_norm_act(x: Tensor, num_groups: int, weight: Tensor, bias: Tensor, slope: float = SLOPE) -> Tensor:
    """PyTorch's own operations, one after the other."""
    return F.leaky_relu(F.group_norm(x, num_groups, weight, bias, EPS), slope, inplace=True)


class _Written(torch.autograd.Function):
    """The closed first derivative written in torch, which autograd differentiates once more."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, num_groups: int, slope: float) -> Tensor:
        ctx.save_for_backward(x, weight, bias)
        ctx.num_groups, ctx.slope = num_groups, slope
        return eager_norm_act(x, num_groups, weight, bias, slope)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        x, weight, bias = ctx.saved_tensors
        # Statistics belong to the graph of the second derivative, so they are computed anew.
        groups = x.unflatten(1, (ctx.num_groups, -1)).flatten(2)
        variance, mean = torch.var_mean(groups, dim=2, correction=0)
        rstd = torch.rsqrt(variance + EPS)
        h = ((groups - mean[..., None]) * rstd[..., None]).view_as(x)
        per_channel = 1, -1, *(1,) * (x.ndim - 2)
        gain, shift = weight.view(per_channel), bias.view(per_channel)
        gy = torch.where(gain * h + shift > 0, grad, ctx.slope * grad)
        q, hg = (gain * gy).view_as(groups), h.view_as(groups)
        inner = q - q.mean(2, keepdim=True) - hg * (q * hg).mean(2, keepdim=True)
        axes = [0, *range(2, x.ndim)]
        return (rstd[..., None] * inner).view_as(x), (gy * h).sum(axes), gy.sum(axes), None, None


def function_pair_norm_act(x: Tensor, num_groups: int, weight: Tensor, bias: Tensor, slope: float = SLOPE) -> Tensor:
    """An ``autograd.Function`` with a backward in differentiable operations, the manner of StyleGAN's code."""
    return _Written.apply(x, weight, bias, num_groups, slope)  # type: ignore[no-untyped-call, no-any-return]


def eager_perceptual_head(
    features: list[Tensor], target_features: list[Tensor], weights: list[Tensor], eps: float = 1e-10
) -> Tensor:
    """The distance of LPIPS, per layer lengths, quotients, squares and a 1 x 1 convolution with the weights."""
    total = torch.zeros((), device=features[0].device)
    for f, target, weight in zip(features, target_features, weights, strict=True):
        one, other = (x / (x.square().sum(1, keepdim=True).sqrt() + eps) for x in (f, target))
        total = total + F.conv2d((one - other).square(), weight[None, :, None, None]).mean((1, 2, 3))
    return total


def textbook_penalty(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """The gradient penalty as papers' code has it."""
    epsilon = torch.rand(len(real), *(1,) * (real.ndim - 1), device=real.device)
    mixed = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    return 10 * (gradient.float().flatten(1).norm(dim=1) - 1).square().mean()


def captured(step: Callable[[], Any]) -> Callable[[], Any]:
    """The step as one CUDA graph; warmed up on a side stream, as torch's documentation asks."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
