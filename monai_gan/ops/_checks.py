"""Checks that operations share; each names the operation, the argument, its value and the remedy."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def check_tensors(
    operation: str, required: Mapping[str, Tensor], optional: Mapping[str, Tensor | None] | None = None
) -> None:
    """Refuse what is no tensor, no real floating-point tensor, or on another device than the first.

    Args:
        operation: name of the operation, for the message.
        required: arguments by name.
        optional: arguments by name that may be None.

    Raises:
        TypeError, ValueError: as said.
    """
    first = ""
    device = None
    given = {name: tensor for name, tensor in (optional or {}).items() if tensor is not None}
    for name, tensor in {**required, **given}.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{operation}: {name} is a {type(tensor).__name__}; give a torch.Tensor.")
        if not tensor.is_floating_point():
            raise TypeError(f"{operation}: {name} is {tensor.dtype}; convert it to a floating-point type with .to().")
        if device is None:
            first, device = name, tensor.device
        elif tensor.device != device:
            raise ValueError(
                f"{operation}: {first} is on {device} and {name} on {tensor.device}; "
                "move both to one device with .to()."
            )


def accumulation_type(dtype: torch.dtype) -> torch.dtype:
    """The type in which sums over values of ``dtype`` are kept: float32 or wider."""
    return torch.promote_types(dtype, torch.float32)
