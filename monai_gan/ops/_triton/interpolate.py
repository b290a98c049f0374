"""Per-sample mixtures of two batches in Triton, with given weights or with weights drawn in the kernel."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from monai_gan.ops._triton.launch import ACCUMULATE, SERVES, ceil_div, lanes, on_device, power_of_2
from monai_gan.ops._triton.philox import uniform

__all__ = ["SERVES", "forward", "random"]

_WARPS = 4
_LOADS = 2  # wide loads per thread and operand: enough bytes in flight to hide the latency of memory


def forward(real: Tensor, fake: Tensor, weights: Tensor) -> Tensor:
    """``weights * real + (1 - weights) * fake`` per sample.

    Args:
        real: (N, ...), dense with the batch outermost.
        fake: like ``real``, in the same layout.
        weights: (N,) in the accumulation type.

    Returns:
        The mixture, like ``real``.
    """
    return _launch(real, fake, weights, None)


def random(real: Tensor, fake: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The same with weights drawn from ``state``.

    Args:
        real: (N, ...), dense with the batch outermost.
        fake: like ``real``, in the same layout.
        state: int64 (2,), seed and offset; only read.

    Returns:
        The mixture like ``real``, and the weights (N,) in the accumulation type.
    """
    weights = torch.empty(len(real), dtype=ACCUMULATE[real.dtype], device=real.device)
    return _launch(real, fake, weights, state), weights


def _launch(real: Tensor, fake: Tensor, weights: Tensor, state: Tensor | None) -> Tensor:
    out = torch.empty_like(real)
    length = real.numel() // len(real)
    block = min(32 * _WARPS * _LOADS * lanes(real.dtype), power_of_2(length))
    chunks = ceil_div(length, block)
    with on_device(real):
        # No fused multiply-add: the result has the bits of the formula in plain torch.
        _mix[(len(real) * chunks,)](
            real, fake, weights, state, out, length, chunks, BLOCK=block, num_warps=_WARPS, enable_fp_fusion=False
        )
    return out


@triton.jit
def _mix(real_ptr, fake_ptr, weights_ptr, state_ptr, out_ptr, length, chunks, BLOCK: tl.constexpr):
    """One program mixes BLOCK items of one sample.

    real, fake, out: (N, length). weights: (N,), read, or written if state, int64 (2,), is given.
    """
    program = tl.program_id(0)
    sample = (program // chunks).to(tl.int64)
    chunk = program % chunks
    if state_ptr is None:
        weight = tl.load(weights_ptr + sample)
    else:
        weight = uniform(state_ptr, sample).to(weights_ptr.dtype.element_ty)
        tl.store(weights_ptr + sample, weight, mask=chunk == 0)
    item = chunk.to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = item < length
    offset = sample * length + item
    real = tl.load(real_ptr + offset, mask=inside, other=0.0).to(weight.dtype)
    fake = tl.load(fake_ptr + offset, mask=inside, other=0.0).to(weight.dtype)
    tl.store(out_ptr + offset, weight * real + (1.0 - weight) * fake, mask=inside)
