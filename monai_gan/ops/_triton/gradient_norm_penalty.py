"""Penalties on per-sample gradient norms, their gradient and the derivative of that, in Triton.

Sums over a sample are split among programs, each of which writes one partial sum; one small program adds the partial
sums in a fixed order and turns them into norms, penalty and factors; a map applies the factors. No result depends on
the order in which programs run.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from monai_gan.ops._triton.group_norm_math import scalar
from monai_gan.ops._triton.launch import (
    ACCUMULATE,
    OPTIONS,
    SERVES,
    ceil_div,
    lanes,
    on_device,
    power_of_2,
    steps_per_program,
)

__all__ = ["SERVES", "backward", "double_backward", "forward"]

_WARPS = 4
_LOADS = 2  # wide loads per thread, operand and step: enough bytes in flight to hide the latency of memory
_FINISH = 1024  # partial sums in one step of the program that adds them


def forward(grad: Tensor, kind: int, weight: float, target: float) -> tuple[Tensor, Tensor]:
    """The penalty of norms n_i = ||g_i||: weight times the mean of (n - target)^2, max(0, n - target)^2 or n^2 / 2.

    Args:
        grad: g, (N, ...), dense with the batch outermost.
        kind: 0 two-sided, 1 one-sided, 2 zero-centred.
        weight: factor of the mean.
        target: norm that the first two kinds ask for.

    Returns:
        The penalty, a scalar, and the norms (N,), both in the accumulation type.
    """
    samples = len(grad)
    partial = _partial_sums(grad, None)
    penalty, norms = partial.new_empty(()), partial.new_empty(samples)
    tile = _finish_tile(partial)
    with on_device(grad):
        _finish_forward[(1,)](partial, norms, penalty, samples, partial.shape[1], weight, target, KIND=kind, **tile)
    return penalty, norms


def backward(out_grad: Tensor, grad: Tensor, norms: Tensor, kind: int, weight: float, target: float) -> Tensor:
    """``out_grad * s_i g_i``, where s_i is 2 weight / N (1 - target / n_i), or weight / N if zero-centred.

    Args:
        out_grad: cotangent of the penalty, a scalar.
        grad: of the forward pass.
        norms: of the forward pass.
        kind: of the forward pass.
        weight: of the forward pass.
        target: of the forward pass.

    Returns:
        The gradient, like ``grad``; 0 where the norm is 0.
    """
    out = torch.empty_like(grad)
    samples, length = len(grad), grad.numel() // len(grad)
    block = _block(grad.dtype, length)
    chunks = ceil_div(length, block)
    with on_device(grad):
        _map_backward[(samples * chunks,)](
            out_grad,
            grad,
            norms,
            out,
            samples,
            length,
            chunks,
            weight,
            target,
            KIND=kind,
            BLOCK=block,
            num_warps=_WARPS,
            **OPTIONS,
        )
    return out


def double_backward(
    u: Tensor, out_grad: Tensor, grad: Tensor, norms: Tensor, kind: int, weight: float, target: float
) -> tuple[Tensor, Tensor]:
    """Derivatives of ``<u, backward(...)>``.

    Args:
        u: cotangent of what :func:`backward` returned, like ``grad``.
        out_grad: of the backward pass.
        grad: of the backward pass.
        norms: of the backward pass.
        kind: of the backward pass.
        weight: of the backward pass.
        target: of the backward pass.

    Returns:
        Cotangent of ``out_grad``, sum of s_i <g_i, u_i>, and of ``grad``,
        out_grad (s_i u_i + 2 weight target / (N n_i^3) <g_i, u_i> g_i).
    """
    samples, length = len(grad), grad.numel() // len(grad)
    partial = _partial_sums(grad, u)
    cot_out_grad, factors = partial.new_empty(()), partial.new_empty(2, samples)
    cot_grad = torch.empty_like(grad)
    tile = _finish_tile(partial)
    block = _block(grad.dtype, length)
    chunks = ceil_div(length, block)
    with on_device(grad):
        _finish_double_backward[(1,)](
            partial,
            out_grad,
            norms,
            factors,
            cot_out_grad,
            samples,
            partial.shape[1],
            weight,
            target,
            KIND=kind,
            **tile,
        )
        _map_double_backward[(samples * chunks,)](
            u, grad, factors, cot_grad, samples, length, chunks, BLOCK=block, num_warps=_WARPS, **OPTIONS
        )
    return cot_out_grad, cot_grad


def _block(dtype: torch.dtype, length: int) -> int:
    """Items of one sample that a program takes in one step."""
    return min(32 * _WARPS * _LOADS * lanes(dtype), power_of_2(length))


def _partial_sums(grad: Tensor, other: Tensor | None) -> Tensor:
    """Sums of ``grad * other``, or of ``grad * grad`` without ``other``: (N, chunks) in the accumulation type."""
    samples, length = len(grad), grad.numel() // len(grad)
    block = _block(grad.dtype, length)
    steps = steps_per_program(samples * ceil_div(length, block))
    chunks = ceil_div(length, block * steps)
    partial = torch.empty(samples, chunks, dtype=ACCUMULATE[grad.dtype], device=grad.device)
    with on_device(grad):
        _reduce[(samples * chunks,)](
            grad, other, partial, length, chunks, STEPS=steps, BLOCK=block, num_warps=_WARPS, **OPTIONS
        )
    return partial


def _finish_tile(partial: Tensor) -> dict[str, int]:
    """Extents of the tile of partial sums (N, chunks) that one program adds per step, and the numbers of steps.

    The numbers are constants of the kernel: the interpreter of some releases has no loops with variable bounds.
    """
    samples, chunks = partial.shape
    columns = min(_FINISH, power_of_2(chunks))
    rows = min(_FINISH // columns, power_of_2(samples))
    return {
        "ROWS": rows,
        "COLUMNS": columns,
        "ROW_STEPS": ceil_div(samples, rows),
        "COLUMN_STEPS": ceil_div(chunks, columns),
        **OPTIONS,
    }


@triton.jit
def _reduce(grad_ptr, other_ptr, partial_ptr, length, chunks, STEPS: tl.constexpr, BLOCK: tl.constexpr):
    """One program sums STEPS blocks of one sample.

    grad, other (or None for grad itself): (N, length). partial: (N, chunks).
    """
    ACC: tl.constexpr = partial_ptr.dtype.element_ty
    program = tl.program_id(0)
    sample = (program // chunks).to(tl.int64)
    start = (program % chunks).to(tl.int64) * (STEPS * BLOCK)
    total = tl.zeros([BLOCK], dtype=ACC)
    for step in tl.range(0, STEPS, loop_unroll_factor=2):
        item = start + step * BLOCK + tl.arange(0, BLOCK)
        inside = item < length
        grad = tl.load(grad_ptr + sample * length + item, mask=inside, other=0.0).to(ACC)
        if other_ptr is None:
            total += grad * grad
        else:
            total += grad * tl.load(other_ptr + sample * length + item, mask=inside, other=0.0).to(ACC)
    tl.store(partial_ptr + program, tl.sum(total, axis=0))


@triton.jit
def _row_sums(partial_ptr, row, samples, chunks, ROWS: tl.constexpr, COLUMNS: tl.constexpr, COLUMN_STEPS: tl.constexpr):
    """Sums of the partial sums (N, chunks) of the samples ``row``, (ROWS,)."""
    total = tl.zeros([ROWS, COLUMNS], dtype=partial_ptr.dtype.element_ty)
    for step in range(COLUMN_STEPS):
        column = step * COLUMNS + tl.arange(0, COLUMNS)
        inside = (row < samples)[:, None] & (column < chunks)[None, :]
        total += tl.load(partial_ptr + row.to(tl.int64)[:, None] * chunks + column[None, :], mask=inside, other=0.0)
    return tl.sum(total, axis=1)


@triton.jit
def _factor(norm, share, target, KIND: tl.constexpr):
    """s, the ratio of the penalty's gradient to g, for share = weight / N. NaN stays NaN."""
    if KIND == 2:
        factor = share + norm * 0.0
    else:
        factor = 2.0 * share * (1.0 - target / norm)
        if KIND == 1:
            factor = tl.where(norm <= target, 0.0, factor)
        factor = tl.where(norm == 0.0, 0.0, factor)
    return factor


@triton.jit
def _finish_forward(
    partial_ptr,
    norms_ptr,
    penalty_ptr,
    samples,
    chunks,
    weight: tl.float64,
    target: tl.float64,
    KIND: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    ROW_STEPS: tl.constexpr,
    COLUMN_STEPS: tl.constexpr,
):
    """One program: norms (N,) and penalty () from partial (N, chunks)."""
    ACC: tl.constexpr = partial_ptr.dtype.element_ty
    penalties = tl.zeros([ROWS], dtype=ACC)
    for step in range(ROW_STEPS):
        row = step * ROWS + tl.arange(0, ROWS)
        norm = tl.sqrt(_row_sums(partial_ptr, row, samples, chunks, ROWS, COLUMNS, COLUMN_STEPS))
        tl.store(norms_ptr + row, norm, mask=row < samples)
        excess = norm
        if KIND != 2:
            excess = norm - scalar(target, ACC)
        if KIND == 1:
            excess = tl.where(excess <= 0.0, 0.0, excess)
        penalties += tl.where(row < samples, excess * excess, 0.0)
    factor = scalar(weight, ACC) / samples
    if KIND == 2:
        factor = 0.5 * factor
    tl.store(penalty_ptr, factor * tl.sum(penalties, axis=0))


@triton.jit
def _map_backward(
    out_grad_ptr,
    grad_ptr,
    norms_ptr,
    out_ptr,
    samples,
    length,
    chunks,
    weight: tl.float64,
    target: tl.float64,
    KIND: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """One program scales BLOCK items of one sample. out_grad: (). grad, out: (N, length). norms: (N,)."""
    ACC: tl.constexpr = norms_ptr.dtype.element_ty
    program = tl.program_id(0)
    sample = (program // chunks).to(tl.int64)
    factor = _factor(tl.load(norms_ptr + sample), scalar(weight, ACC) / samples, scalar(target, ACC), KIND)
    factor *= tl.load(out_grad_ptr).to(ACC)
    item = (program % chunks).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = item < length
    grad = tl.load(grad_ptr + sample * length + item, mask=inside, other=0.0).to(ACC)
    tl.store(out_ptr + sample * length + item, factor * grad, mask=inside)


@triton.jit
def _finish_double_backward(
    partial_ptr,
    out_grad_ptr,
    norms_ptr,
    factors_ptr,
    cot_out_grad_ptr,
    samples,
    chunks,
    weight: tl.float64,
    target: tl.float64,
    KIND: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    ROW_STEPS: tl.constexpr,
    COLUMN_STEPS: tl.constexpr,
):
    """One program: cot_out_grad () and factors (2, N), of u and of g, from partial sums of <g, u>, (N, chunks)."""
    ACC: tl.constexpr = partial_ptr.dtype.element_ty
    out_grad = tl.load(out_grad_ptr).to(ACC)
    share = scalar(weight, ACC) / samples
    bound = scalar(target, ACC)
    products = tl.zeros([ROWS], dtype=ACC)
    for step in range(ROW_STEPS):
        row = step * ROWS + tl.arange(0, ROWS)
        inner = _row_sums(partial_ptr, row, samples, chunks, ROWS, COLUMNS, COLUMN_STEPS)
        norm = tl.load(norms_ptr + row, mask=row < samples, other=1.0)
        factor = _factor(norm, share, bound, KIND)
        products += tl.where(row < samples, factor * inner, 0.0)
        tl.store(factors_ptr + row, out_grad * factor, mask=row < samples)
        # Three divisions: the cube of a small norm would be zero.
        curvature = 2.0 * share * bound / norm * (inner / norm) / norm
        if KIND == 1:
            curvature = tl.where(norm <= bound, 0.0, curvature)
        if KIND == 2:
            curvature = tl.zeros_like(norm)
        tl.store(factors_ptr + samples + row, out_grad * tl.where(norm == 0.0, 0.0, curvature), mask=row < samples)
    tl.store(cot_out_grad_ptr, tl.sum(products, axis=0))


@triton.jit
def _map_double_backward(u_ptr, grad_ptr, factors_ptr, out_ptr, samples, length, chunks, BLOCK: tl.constexpr):
    """One program: factors[0] u + factors[1] grad for BLOCK items of one sample. u, grad, out: (N, length)."""
    ACC: tl.constexpr = factors_ptr.dtype.element_ty
    program = tl.program_id(0)
    sample = (program // chunks).to(tl.int64)
    of_u = tl.load(factors_ptr + sample)
    of_grad = tl.load(factors_ptr + samples + sample)
    item = (program % chunks).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = item < length
    u = tl.load(u_ptr + sample * length + item, mask=inside, other=0.0).to(ACC)
    grad = tl.load(grad_ptr + sample * length + item, mask=inside, other=0.0).to(ACC)
    tl.store(out_ptr + sample * length + item, of_u * u + of_grad * grad, mask=inside)
