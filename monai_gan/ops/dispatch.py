"""Which backend serves an operation: ranked, overridable, and told with the reason.

A backend is a package of kernel modules, one per operation, whose functions take tensors and return tensors:

- ``triton``: Triton on CUDA devices; on the CPU only by name and in Triton's interpreter, for tests;
- ``native``: C++ for the CPU, in the compiled module ``monai_gan._native``;
- ``cuda``: CUDA C++ in that module, only in builds that ask for it and only by name until it is measured to be faster;
- ``torch``: plain torch, everywhere.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

import torch

from monai_gan.ops import _native

VARIABLE = "MONAI_GAN_OPS_BACKEND"
OPERATIONS = ("bias_act", "gradient_norm_penalty", "group_norm_act", "interpolate", "perceptual_distance", "ssim")
#: Backends in the order in which they are tried; those that are not here serve only when they are asked for by name.
RANKED = ("triton", "native", "torch")
_PACKAGES = {"triton": "_triton", "native": "_cpu", "cuda": "_cuda", "torch": "_torch"}

# The name that is asked for; a module global, so that torch.compile guards on it.
_requested = os.environ.get(VARIABLE, "") or "auto"


@dataclass(frozen=True)
class Backend:
    """What serves an operation.

    Args:
        name: ``"triton"``, ``"native"``, ``"cuda"`` or ``"torch"``.
        reason: one sentence that says why.
    """

    name: str
    reason: str


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Serve all operations by one backend within the context; ``"auto"`` chooses by rank again.

    The choice holds for the process, all threads included. The variable ``MONAI_GAN_OPS_BACKEND`` sets it from outside.

    Args:
        name: ``"auto"``, ``"torch"``, ``"native"``, ``"triton"`` or ``"cuda"``.

    Raises:
        ValueError: the name is unknown.
        RuntimeError: the backend is not there; what it cannot serve is refused when an operation is called.
    """
    global _requested
    _check_name(name, "name")
    if name != "auto" and (missing := _missing(name)):
        raise RuntimeError(f"use_backend: backend '{name}' is not there: {missing}.")
    before, _requested = _requested, name
    try:
        yield
    finally:
        _requested = before


def backends(device: torch.device | str | None = None) -> dict[str, Backend]:
    """Tell which backend serves each operation.

    Args:
        device: where the tensors are; by default CUDA where it is available, else the CPU.

    Returns:
        Operation name to :class:`Backend`, in alphabetical order.

    Raises:
        ValueError, RuntimeError: ``MONAI_GAN_OPS_BACKEND`` asks for a backend that is unknown or cannot serve.

    Example:
        >>> backends("cpu")["group_norm_act"].name in ("native", "torch")
        True
    """
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = torch.device(device).type
    return {operation: _explain(operation, kind) for operation in OPERATIONS}


def choose(operation: str, device_type: str, dtype: torch.dtype) -> str:
    """The name of the backend that serves an operation on such tensors.

    Raises:
        ValueError: ``MONAI_GAN_OPS_BACKEND`` holds an unknown name.
        RuntimeError: a backend was asked for by name and cannot serve these tensors.
    """
    return _chosen(operation, device_type, dtype, _requested)


def native_may_serve() -> bool:
    """Whether C++ may serve what is no operation by itself: it is there, and no other backend is asked for by name."""
    return _native.module is not None and _requested in ("auto", "native")


def kernels(operation: str, device_type: str, dtype: torch.dtype) -> ModuleType:
    """The kernel module of the backend that serves an operation on such tensors; arguments as for :func:`choose`."""
    return _module(choose(operation, device_type, dtype), operation)


def _chosen(operation: str, device_type: str, dtype: torch.dtype, requested: str) -> str:
    return _choose(operation, device_type, dtype, requested)


# What torch.compiler.assume_constant_result sets, which would load the compiler with this package.
_chosen._dynamo_marked_constant = True  # type: ignore[attr-defined]


@functools.cache
def _choose(operation: str, device_type: str, dtype: torch.dtype, requested: str) -> str:
    _check_name(requested, VARIABLE)
    if requested == "auto":
        return next(name for name in RANKED if not _obstacle(name, operation, device_type, dtype, by_name=False))
    obstacle = _obstacle(requested, operation, device_type, dtype, by_name=True)
    if obstacle:
        raise RuntimeError(
            f"{operation}: backend '{requested}' was asked for by name and cannot serve {dtype} on '{device_type}': "
            f"{obstacle}. Use monai_gan.ops.use_backend('auto'), or unset {VARIABLE}."
        )
    return requested


def _obstacle(name: str, operation: str, device_type: str, dtype: torch.dtype, *, by_name: bool) -> str:
    """Why a backend cannot serve, or an empty string."""
    if missing := _missing(name):
        return missing
    if name == "torch":
        return ""
    if name == "native" and device_type != "cpu":
        return "it serves CPU tensors"
    if name == "cuda" and device_type != "cuda":
        return "it serves CUDA tensors"
    if name == "triton" and device_type != "cuda" and not (by_name and _interpreted()):
        return "it serves CUDA tensors, and CPU tensors by name with TRITON_INTERPRET=1"
    if importlib.util.find_spec(f"{__package__}.{_PACKAGES[name]}.{operation}") is None:
        return "it has no form of this operation"
    return "" if dtype in _module(name, operation).SERVES else f"it serves {_types_served(name, operation)}"


@functools.cache
def _missing(name: str) -> str:
    """Why a backend is not there at all, or an empty string."""
    if name == "native" and _native.module is None:
        return f"{_native.missing_reason}; {_native.REMEDY}"
    if name == "cuda" and not hasattr(_native.module, "cuda_architectures"):
        return "the compiled module was built without CUDA; build it with CMAKE_ARGS=-DMONAI_GAN_CUDA=ON and nvcc"
    if name == "triton" and importlib.util.find_spec("triton") is None:
        return "Triton is not installed; it comes with torch for CUDA, or run: pip install triton"
    return ""


def _interpreted() -> bool:
    return os.environ.get("TRITON_INTERPRET", "0") == "1"


def _module(name: str, operation: str) -> ModuleType:
    return importlib.import_module(f"{__package__}.{_PACKAGES[name]}.{operation}")


def _check_name(name: str, argument: str) -> None:
    if name != "auto" and name not in _PACKAGES:
        raise ValueError(f"{argument}='{name}' is no backend: choose one of auto, {', '.join(_PACKAGES)}.")


def _explain(operation: str, device_type: str) -> Backend:
    chosen = choose(operation, device_type, torch.float32)
    if chosen == "torch" and _requested == "torch":
        return Backend("torch", f"plain torch, because backend 'torch' was asked for by {VARIABLE} or use_backend")
    if chosen == "torch":
        passed = RANKED[: RANKED.index("torch")]
        obstacles = (
            f"{name}: {_obstacle(name, operation, device_type, torch.float32, by_name=False)}" for name in passed
        )
        return Backend("torch", f"plain torch ({'; '.join(obstacles)})")
    isa = _native.module.cpu_isa() if _native.module is not None else ""
    detail = {
        "native": f"C++ with {isa} on up to {torch.get_num_threads()} thread(s)",
        "triton": "Triton kernels, compiled by Triton at their first use",
        "cuda": "CUDA C++ where a group fits on chip, Triton elsewhere",
    }[chosen]
    asked = "" if _requested == "auto" else ", asked for by name"
    return Backend(chosen, f"{detail}{asked}; serves {_types_served(chosen, operation)}, plain torch the rest")


def _types_served(name: str, operation: str) -> str:
    return ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in _module(name, operation).SERVES))
