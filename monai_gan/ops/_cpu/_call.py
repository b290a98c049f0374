"""What every adapter needs: the function for a type, addresses, shapes, the number of threads."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from monai_gan.ops import _native

ACCUMULATE = {torch.bfloat16: torch.float32, torch.float32: torch.float32, torch.float64: torch.float64}
SERVES = frozenset(ACCUMULATE)


def call(name: str, like: Tensor, *arguments: Any) -> None:
    """Call a function of the compiled module with as many threads as torch uses.

    Args:
        name: of the function, without the type.
        like: the tensor whose type chooses among the functions of that name.
        *arguments: tensors, which arrive as addresses, ``None`` as the null address; anything else arrives as it is.
    """
    of_type = function(f"{name}_{str(like.dtype).removeprefix('torch.')}")
    lowered = (address(one) if one is None or isinstance(one, Tensor) else one for one in arguments)
    of_type(*lowered, torch.get_num_threads())


def function(name: str) -> Any:
    """A function of the compiled module, which expects what its binding says."""
    return getattr(_native.module, name)


def shape(x: Tensor, num_groups: int = 1) -> Any:
    """How (N, C, *S) lies in memory, contiguous or channels-last, for operations on groups of channels."""
    batch, channels = x.shape[:2]
    positions = x.numel() // (batch * channels)
    return _native.module.Shape(batch, channels, positions, num_groups, not x.is_contiguous())  # type: ignore[union-attr]


def address(tensor: Tensor | None) -> int:
    """Where the numbers are; 0 for none."""
    return 0 if tensor is None else tensor.data_ptr()
