"""What every launch needs: the device of its tensors, rounded sizes, the types that the kernels serve."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

ACCUMULATE = {
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
    torch.float32: torch.float32,
    torch.float64: torch.float64,
}
SERVES = frozenset(ACCUMULATE)

# Of a launch: fused multiply-adds, whose default differs between releases of Triton.
OPTIONS = {"enable_fp_fusion": True}

MULTIPROCESSORS = 132  # of an H100 or H200; a smaller GPU does not suffer from more programs
FILL = 8 * MULTIPROCESSORS  # programs that keep all of them busy
_MOST_STEPS = 16  # a partial sum per 16 blocks costs next to nothing


def on_device(tensor: Tensor) -> AbstractContextManager[object]:
    """Make the tensor's device current: Triton launches on the current device and stream.

    Args:
        tensor: any argument of the kernel; a CPU tensor (interpreter) needs nothing.
    """
    return torch.cuda.device_of(tensor) if tensor.is_cuda else nullcontext()


def ceil_div(a: int, b: int) -> int:
    """The quotient rounded up."""
    return -(-a // b)


def power_of_2(n: int) -> int:
    """The smallest power of two that is at least ``n`` (``n`` >= 1): the extent of a tile that covers ``n`` items."""
    return 1 << (n - 1).bit_length()


def lanes(dtype: torch.dtype) -> int:
    """Items in the widest load of one thread, 16 bytes."""
    return 16 // dtype.itemsize


def steps_per_program(blocks: int) -> int:
    """Blocks that one program of a reduction takes in turn: few, until there are more programs than a GPU needs.

    A power of two, so that few kernels are compiled.
    """
    return max(1, min(_MOST_STEPS, power_of_2(blocks // FILL + 1) // 2))
