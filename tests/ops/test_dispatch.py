"""Which backend serves is ranked, told with a reason, and can be overridden by name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch

from monai_gan import ops
from monai_gan.ops import _native, dispatch, group_norm_act, use_backend

OPERATIONS = {"bias_act", "gradient_norm_penalty", "group_norm_act", "interpolate", "perceptual_distance", "ssim"}
IMAGE = torch.randn(1, 2, 4, 4)


@pytest.fixture
def fresh_choice() -> Iterator[None]:
    """Forget what was found out about backends, before and after."""
    for cached in (dispatch._choose, dispatch._missing):
        cached.cache_clear()
    yield
    for cached in (dispatch._choose, dispatch._missing):
        cached.cache_clear()


def test_every_operation_has_a_backend_with_a_reason() -> None:
    found = ops.backends("cpu")
    assert set(found) == OPERATIONS
    assert all(backend.name in ("native", "torch") and backend.reason for backend in found.values())


@pytest.mark.usefixtures("fresh_choice")
def test_absence_is_explained_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native, "module", None)
    monkeypatch.setattr(_native, "missing_reason", "the compiled module cannot be loaded (not built)")
    backend = ops.backends("cpu")["interpolate"]
    assert backend.name == "torch"
    assert "not built" in backend.reason
    assert "pip install" in backend.reason
    assert group_norm_act(IMAGE, 1).shape == IMAGE.shape
    with (
        pytest.raises(RuntimeError, match="'native' is not there: the compiled module cannot be loaded"),
        use_backend("native"),
    ):
        pass


def test_compiled_module_says_what_it_serves() -> None:
    if _native.module is None:
        pytest.skip(_native.missing_reason)
    backend = ops.backends("cpu")["group_norm_act"]
    assert backend.name == "native"
    for part in ("C++", _native.module.cpu_isa(), "bfloat16", "float32", "float64", "plain torch the rest"):
        assert part in backend.reason


def test_types_that_no_backend_serves_take_plain_torch() -> None:
    assert dispatch.choose("group_norm_act", "cpu", torch.float16) == "torch"
    assert group_norm_act(IMAGE.half(), 1).dtype == torch.float16


def test_triton_serves_the_cpu_only_by_name() -> None:
    assert dispatch.choose("group_norm_act", "cpu", torch.float32) != "triton"


def test_override_holds_within_the_context_only() -> None:
    before = ops.backends("cpu")
    with use_backend("torch"):
        assert {backend.name for backend in ops.backends("cpu").values()} == {"torch"}
        assert all("asked for" in backend.reason for backend in ops.backends("cpu").values())
        with use_backend("auto"):
            assert ops.backends("cpu") == before
    assert ops.backends("cpu") == before


def test_override_ends_with_an_error() -> None:
    before = ops.backends("cpu")
    with pytest.raises(KeyError), use_backend("torch"):
        raise KeyError
    assert ops.backends("cpu") == before


def test_unknown_name_is_refused() -> None:
    with (
        pytest.raises(ValueError, match="name='cudnn' is no backend: choose one of auto, triton, native"),
        use_backend("cudnn"),
    ):
        pass


def test_named_backend_that_cannot_serve_says_why() -> None:
    if _native.module is None:
        pytest.skip(_native.missing_reason)
    with (
        use_backend("native"),
        pytest.raises(RuntimeError, match="'native' was asked for by name and cannot serve torch.float16") as caught,
    ):
        group_norm_act(IMAGE.half(), 1)
    assert "it serves bfloat16, float32, float64" in str(caught.value)
    assert "use_backend('auto')" in str(caught.value)


def test_cuda_needs_a_build_with_cuda() -> None:
    if hasattr(_native.module, "cuda_architectures"):
        pytest.skip("built with CUDA")
    with pytest.raises(RuntimeError, match="built without CUDA; build it with"), use_backend("cuda"):
        pass


@pytest.mark.parametrize(
    ("value", "text"),
    [("torch", "plain torch, because backend 'torch' was asked for"), ("cudnn", "MONAI_GAN_OPS_BACKEND='cudnn' is no")],
)
def test_variable_chooses_from_outside(value: str, text: str) -> None:
    code = "from monai_gan.ops import backends; print(backends('cpu')['interpolate'].reason)"
    environment = {**os.environ, dispatch.VARIABLE: value}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert text in run.stdout + run.stderr


def test_import_loads_neither_triton_nor_the_compiler() -> None:
    code = (
        "import sys, monai_gan.ops, monai_gan.losses; "
        "print([name for name in ('triton', 'torch._dynamo', 'torch._inductor') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
