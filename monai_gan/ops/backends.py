"""Which backend serves each operation, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from monai_gan.ops import _native

# Operation -> what its compiled form serves; plain torch serves the rest.
_COMPILED = {"interpolate": "float32 and float64 on the CPU where no gradient is asked for"}


@dataclass(frozen=True)
class Backend:
    """What serves an operation.

    Args:
        name: ``"native"`` (the compiled module, with plain torch for what it does not cover) or ``"torch"``.
        reason: one sentence that says why.
    """

    name: Literal["native", "torch"]
    reason: str


def backends() -> dict[str, Backend]:
    """Tell which backend serves each operation.

    Returns:
        Operation name to :class:`Backend`, in alphabetical order.

    Example:
        >>> sorted(backends())
        ['interpolate']
    """
    return {name: _backend(name) for name in sorted(_COMPILED)}


def _backend(operation: str) -> Backend:
    if _native.module is None:
        return Backend("torch", f"{_native.missing_reason}; {_native.REMEDY}")
    return Backend("native", f"the compiled module serves {_COMPILED[operation]}; plain torch serves the rest")
