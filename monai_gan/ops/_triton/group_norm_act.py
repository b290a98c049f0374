"""Normalisation and activation, its backward and the backward of that, in Triton.

Two routes, chosen by ``group_norm_plan.on_chip``: groups that fit the registers of a program are reduced and mapped
there, with one read of every operand; larger groups are shared among programs that reduce, finish and map. No result
depends on the order in which programs run.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from monai_gan.ops._triton import group_norm_finish as finish
from monai_gan.ops._triton import group_norm_map as mapping
from monai_gan.ops._triton import group_norm_on_chip as whole
from monai_gan.ops._triton import group_norm_reduce as reduction
from monai_gan.ops._triton.group_norm_plan import Shape, finish_tile, for_map, for_reduction, on_chip
from monai_gan.ops._triton.launch import ACCUMULATE, SERVES, on_device

__all__ = ["SERVES", "backward", "double_backward", "forward"]


def forward(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, num_groups: int, eps: float, smooth: bool, slope: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise and activate.

    Args:
        x: (N, C, *S), dense, contiguous or channels-last, not empty.
        weight: (C,) in the accumulation type, or None for 1.
        bias: (C,) in the accumulation type, or None for 0.
        num_groups: groups of channels that share statistics; divides C.
        eps: added to the variance.
        smooth: SiLU if true.
        slope: otherwise phi(y) is y where positive and ``slope * y`` elsewhere.

    Returns:
        z like ``x``; mean and reciprocal standard deviation, (N, num_groups), in the accumulation type.
    """
    shape = Shape.of(x, num_groups)
    y = torch.empty_like(x)
    mean = torch.empty(shape.samples, num_groups, dtype=ACCUMULATE[x.dtype], device=x.device)
    rstd = torch.empty_like(mean)
    phi = _activation(smooth, slope)
    tile = on_chip(shape, 1)
    with on_device(x):
        if tile is not None:
            whole.forward[tile.grid(shape)](
                x, weight, bias, y, mean, rstd, eps, shape.count, **phi, **tile.whole(shape)
            )
            return y, mean, rstd
        tile = for_reduction(shape, 2)
        partial = mean.new_empty(2, shape.rows, tile.chunks)
        reduction.forward[tile.grid(shape)](
            x,
            partial,
            shape.rows,
            group_channels=shape.group_channels,
            STEPS=tile.steps,
            **tile.part(shape),
        )
        finish.forward[(mean.numel(),)](
            x,
            partial,
            mean,
            rstd,
            eps,
            shape.count,
            shape.rows,
            shape.channels,
            shape.positions,
            num_groups,
            CHANNELS_LAST=shape.channels_last,
            SPAN=tile.steps * tile.positions,
            **finish_tile(shape, tile.chunks),
        )
        tile = for_map(shape)
        mapping.forward[tile.grid(shape)](x, mean, rstd, weight, bias, y, **shape.grouping, **phi, **tile.part(shape))
    return y, mean, rstd


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
    """Derivatives for the incoming gradient ``grad``.

    Args:
        grad: like ``x``, in the same layout.
        x: of the forward pass.
        mean: of the forward pass.
        rstd: of the forward pass.
        weight: of the forward pass.
        bias: of the forward pass.
        num_groups: of the forward pass.
        smooth: of the forward pass.
        slope: of the forward pass.
        parameters: whether the gradients of ``weight`` and ``bias`` are asked for.

    Returns:
        Gradient of ``x``, like ``x``, and of ``weight`` and ``bias``, (C,), empty where they were not asked for.
    """
    shape = Shape.of(x, num_groups)
    out = torch.empty_like(x)
    sums = mean.new_empty(2, shape.samples, shape.channels) if parameters else None
    statistics = (mean, rstd, weight, bias)
    phi = _activation(smooth, slope)
    tile = on_chip(shape, 2)
    with on_device(x):
        if tile is not None:
            whole.backward[tile.grid(shape)](
                grad, x, *statistics, out, sums, shape.count, shape.rows, **phi, **tile.whole(shape)
            )
            return out, *_over_samples(sums, mean)
        tile = for_reduction(shape, 1)
        partial = mean.new_empty(2, shape.rows, tile.chunks)
        means = mean.new_empty(2, mean.numel())
        reduction.backward[tile.grid(shape)](
            grad, x, *statistics, partial, shape.rows, **shape.grouping, **phi, **tile.part(shape), STEPS=tile.steps
        )
        finish.backward[(mean.numel(),)](
            partial, weight, means, sums, shape.count, shape.rows, num_groups, **finish_tile(shape, tile.chunks)
        )
        tile = for_map(shape)
        mapping.backward[tile.grid(shape)](
            grad, x, *statistics, means, out, mean.numel(), **shape.grouping, **phi, **tile.part(shape)
        )
    return out, *_over_samples(sums, mean)


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
    """Derivatives of what :func:`backward` gives, through the statistics as well.

    Args:
        v: cotangent of the gradient of ``x``, like ``x``, in the same layout.
        p: cotangent of the gradient of ``weight``, (C,) in the accumulation type, or None for zero.
        s: cotangent of the gradient of ``bias``, (C,) in the accumulation type, or None for zero.
        grad: of the backward pass.
        x: of the backward pass.
        mean: of the backward pass.
        rstd: of the backward pass.
        weight: of the backward pass.
        bias: of the backward pass.
        num_groups: of the backward pass.
        smooth: of the backward pass.
        slope: of the backward pass.

    Returns:
        Cotangents of ``grad`` and ``x``, like ``x``, and of ``weight`` and ``bias``, (C,).
    """
    shape = Shape.of(x, num_groups)
    cot_grad, cot_x = torch.empty_like(x), torch.empty_like(x)
    sums = mean.new_empty(2, shape.samples, shape.channels)
    statistics = (mean, rstd, weight, bias)
    phi = _activation(smooth, slope)
    tile = on_chip(shape, 3, smooth)
    with on_device(x):
        if tile is not None:
            whole.double_backward[tile.grid(shape)](
                v,
                p,
                s,
                grad,
                x,
                *statistics,
                cot_grad,
                cot_x,
                sums,
                shape.count,
                shape.rows,
                **phi,
                **tile.whole(shape),
            )
            return cot_grad, cot_x, *_over_samples(sums, mean)
        tile = for_reduction(shape, 1)
        partial = mean.new_empty(10 if smooth else 5, shape.rows, tile.chunks)
        means = mean.new_empty(7, mean.numel())
        reduction.double_backward[tile.grid(shape)](
            v, grad, x, *statistics, partial, shape.rows, **shape.grouping, **phi, **tile.part(shape), STEPS=tile.steps
        )
        finish.double_backward[(mean.numel(),)](
            partial,
            p,
            s,
            rstd,
            weight,
            means,
            sums,
            shape.count,
            shape.rows,
            num_groups,
            SMOOTH=smooth,
            **finish_tile(shape, tile.chunks),
        )
        tile = for_map(shape)
        mapping.double_backward[tile.grid(shape)](
            v,
            p,
            s,
            grad,
            x,
            *statistics,
            means,
            cot_grad,
            cot_x,
            mean.numel(),
            **shape.grouping,
            **phi,
            **tile.part(shape),
        )
    return cot_grad, cot_x, *_over_samples(sums, mean)


def _activation(smooth: bool, slope: float) -> dict[str, Any]:
    """Constants of a kernel; SiLU has no slope, so that one kernel serves all."""
    return {"SMOOTH": smooth, "SLOPE": 0.0 if smooth else slope}


def _over_samples(sums: Tensor | None, like: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensors (C,) from sums per sample and channel, (2, N, C); empty ones from None."""
    if sums is None:
        return like.new_empty(0), like.new_empty(0)
    weight, bias = sums.sum(dim=1).unbind()
    return weight, bias
