"""Derivatives of normalisation and activation that read every tensor once: a group stays in shared memory.

On devices of capability 9.0 and newer the blocks of a cluster share a group, so that it may be eight times as large.
Triton serves the rest: groups that do not fit, channels-last tensors, half precision with an odd number of positions,
float64, and the forward pass.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from monai_gan.ops import _native

#: What the kernels serve themselves; Triton serves float64 behind the same functions.
_TYPES = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}
SERVES = frozenset({*_TYPES, torch.float64})
_BACKWARD_INPUTS, _DOUBLE_BACKWARD_INPUTS = 2, 3
_VECTOR_BYTES = 16  # the kernels need not know of a larger alignment


def fits(shape: Sequence[int], num_groups: int, dtype: torch.dtype, capability: tuple[int, int]) -> bool:
    """Whether :func:`double_backward` reads contiguous tensors only once, without Triton.

    Args:
        shape: (N, C, *S), nothing of it 0.
        num_groups: divides C.
        dtype: of the tensors.
        capability: of the device, as ``torch.cuda.get_device_capability`` gives it.
    """
    return _plan(tuple(shape), num_groups, dtype, _DOUBLE_BACKWARD_INPUTS, _VECTOR_BYTES, capability, 1) is not None


def forward(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, num_groups: int, eps: float, smooth: bool, slope: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise and activate, by Triton; arguments and results as there."""
    result: tuple[Tensor, Tensor, Tensor] = _triton().forward(x, weight, bias, num_groups, eps, smooth, slope)
    return result


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
    """Derivatives for the incoming gradient dz.

    Args:
        grad: dz, like ``x``, in the same layout.
        x: (N, C, *S), dense, contiguous or channels-last, not empty.
        mean: of the forward pass, (N, num_groups).
        rstd: of the forward pass, (N, num_groups).
        weight: (C,) in the accumulation type, or None for 1.
        bias: (C,) in the accumulation type, or None for 0.
        num_groups: groups of channels that share statistics.
        smooth: SiLU if true.
        slope: otherwise phi(y) is y where positive and ``slope * y`` elsewhere.
        parameters: whether gradients of ``weight`` and ``bias`` are asked for.

    Returns:
        Gradient of ``x``, like ``x``; of ``weight`` and ``bias``, (C,), empty where they were not asked for.
    """
    plan = _plan_for((grad, x), num_groups)
    if plan is None:
        result: tuple[Tensor, Tensor, Tensor] = _triton().backward(
            grad, x, mean, rstd, weight, bias, num_groups, smooth, slope, parameters
        )
        return result
    grad_x = torch.empty_like(x)
    row_sums = _row_sums(plan, x) if parameters else None
    _call("backward", plan, x, smooth, slope, grad, x, mean, rstd, weight, bias, grad_x, row_sums)
    if row_sums is None:
        return grad_x, mean.new_empty(0), mean.new_empty(0)
    return grad_x, *_parameters(row_sums)


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
        grad: of the backward pass, as is all that follows.

    Returns:
        Cotangents of ``grad`` and ``x``, like ``x``, and of ``weight`` and ``bias``, (C,).
    """
    plan = _plan_for((v, grad, x), num_groups)
    if plan is None:
        result: tuple[Tensor, Tensor, Tensor, Tensor] = _triton().double_backward(
            v, p, s, grad, x, mean, rstd, weight, bias, num_groups, smooth, slope
        )
        return result
    cot_grad, cot_x, row_sums = torch.empty_like(x), torch.empty_like(x), _row_sums(plan, x)
    tensors = (v, p, s, grad, x, mean, rstd, weight, bias, cot_grad, cot_x, row_sums)
    _call("double_backward", plan, x, smooth, slope, *tensors)
    return cot_grad, cot_x, *_parameters(row_sums)


def _triton() -> ModuleType:
    from monai_gan.ops._triton import group_norm_act

    return group_norm_act


def _plan_for(inputs: tuple[Tensor, ...], num_groups: int) -> Any:
    """The plan of the compiled module for these tensors, or None where Triton serves."""
    x = inputs[-1]
    if not x.is_contiguous():
        return None
    # Only views can start anywhere: memory from torch's allocator, as the results have it, is aligned.
    alignment = math.gcd(_VECTOR_BYTES, *(tensor.data_ptr() for tensor in inputs))
    return _plan(tuple(x.shape), num_groups, x.dtype, len(inputs), alignment, *_device(x.device))


@functools.lru_cache(maxsize=1024)
def _plan(
    shape: tuple[int, ...],
    num_groups: int,
    dtype: torch.dtype,
    inputs: int,
    alignment: int,
    capability: tuple[int, int],
    processors: int,
) -> Any:
    make = getattr(_native.module, "cuda_plan", None)
    if make is None or dtype not in _TYPES:
        return None
    batch, channels, *space = shape
    positions = math.prod(space)
    return make(batch, channels, num_groups, positions, inputs, dtype.itemsize, alignment, capability, processors)


@functools.cache
def _device(device: torch.device) -> tuple[tuple[int, int], int]:
    """Capability and number of streaming multiprocessors."""
    properties = torch.cuda.get_device_properties(device)
    return (properties.major, properties.minor), properties.multi_processor_count


def _queue(device: torch.device) -> tuple[int, int]:
    """Index of the device and address of its current stream."""
    stream = torch.cuda.current_stream(device)
    return stream.device_index, stream.cuda_stream


def _row_sums(plan: Any, x: Tensor) -> Tensor:
    """Room for what the kernel sums per channel: (2, slots and samples, C)."""
    batch, channels = x.shape[:2]
    return x.new_empty(2, plan.slots * batch, channels, dtype=torch.float32)


def _parameters(row_sums: Tensor) -> tuple[Tensor, Tensor]:
    """What belongs to the weight and to the bias, (C,)."""
    weight, bias = row_sums.sum(dim=1).unbind()
    return weight, bias


def _call(name: str, plan: Any, x: Tensor, smooth: bool, slope: float, *tensors: Tensor | None) -> None:
    function = getattr(_native.module, f"cuda_group_norm_act_{name}_{_TYPES[x.dtype]}")
    addresses = [0 if tensor is None else tensor.data_ptr() for tensor in tensors]
    function(plan, smooth, slope, *addresses, *_queue(x.device))
