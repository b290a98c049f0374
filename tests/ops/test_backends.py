"""What serves each operation is told, with a reason."""

from __future__ import annotations

import pytest

from monai_gan import ops
from monai_gan.ops import _native


def test_every_public_operation_has_a_backend() -> None:
    assert set(ops.backends()) == set(ops.__all__) - {"Backend", "backends"}


def test_absence_is_explained_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native, "module", None)
    monkeypatch.setattr(_native, "missing_reason", "the compiled module cannot be loaded (not built)")
    backend = ops.backends()["interpolate"]
    assert backend.name == "torch"
    assert "not built" in backend.reason
    assert "pip install" in backend.reason


def test_compiled_module_says_what_it_serves() -> None:
    if _native.module is None:
        pytest.skip(_native.missing_reason)
    backend = ops.backends()["interpolate"]
    assert backend.name == "native"
    assert "float64" in backend.reason
    for suffix in ("float32", "float64"):
        assert hasattr(_native.module, f"interpolate_{suffix}")
