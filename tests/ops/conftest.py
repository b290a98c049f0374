"""Backends under test."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from monai_gan.ops import _native, dispatch, use_backend


@pytest.fixture(params=["torch", "native", "triton"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve operations on CPU tensors by each backend in turn; Triton runs in its interpreter."""
    name: str = request.param
    if name == "native" and _native.module is None:
        pytest.skip(_native.missing_reason)
    if name == "triton":
        if importlib.util.find_spec("triton") is None:
            pytest.skip("Triton is not installed")
        if torch.cuda.is_available():
            pytest.skip("Triton compiles for the GPU here; tests/ops/test_triton_kernels.py runs it")
    with use_backend(name):
        yield name


@pytest.fixture
def fused_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the closed forms in plain torch behind the registered operations, which need no compiler."""
    monkeypatch.setattr(dispatch, "_choose", lambda *call: "torch" if call[-1] == "torch" else "closed")
    monkeypatch.setitem(dispatch._PACKAGES, "closed", "_torch")


@pytest.fixture
def calls(fused_kernels: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Any, ...]]]:
    """Record which kernels run, with their arguments."""
    seen: list[tuple[str, tuple[Any, ...]]] = []
    find = dispatch.kernels

    class Spy:
        def __init__(self, *call: Any) -> None:
            self.kernels = find(*call)

        def __getattr__(self, name: str) -> Any:
            def run(*arguments: Any) -> Any:
                seen.append((name, arguments))
                return getattr(self.kernels, name)(*arguments)

            return run

    monkeypatch.setattr(dispatch, "kernels", Spy)
    return seen
