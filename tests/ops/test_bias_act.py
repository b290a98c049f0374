"""Bias, activation, gain and clamp: every backend against the definition, derivatives of two orders, layouts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from monai_gan.ops import bias_act, use_backend
from monai_gan.ops._torch import bias_act as closed
from monai_gan.ops.bias_act import reference

CASES = [
    pytest.param((1, 1), id="one_number"),
    pytest.param((3, 5), id="no_space"),
    pytest.param((2, 5, 7, 9), id="odd"),
    pytest.param((2, 3, 4, 5, 6), id="3d"),
    pytest.param((1, 1, 40, 50), id="longer_than_a_block"),
]
SLOPES = {"identity": 1.0, "relu": 0.0, "leaky_relu": 0.2}


@pytest.fixture(params=["torch", "triton"])
def kind(request: pytest.FixtureRequest) -> str:
    """The backends that have a form of the operation; Triton runs in its interpreter."""
    name: str = request.param
    if name == "triton":
        pytest.importorskip("triton")
        if torch.cuda.is_available():
            pytest.skip("Triton compiles for the GPU here")
    return name


def inputs(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(shape, dtype=dtype), torch.randn(shape[1], dtype=dtype)


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("clamp", [None, 0.7], ids=["open", "clamped"])
@pytest.mark.parametrize("shape", CASES)
def test_every_backend_equals_the_definition(
    shape: tuple[int, ...], clamp: float | None, activation: str, kind: str
) -> None:
    x, bias = inputs(*shape)
    expected = reference(x, bias, activation, 0.2, 2**0.5, clamp)
    with use_backend(kind):
        for given in (bias, None):
            result = bias_act(x, given, activation=activation, gain=2**0.5, clamp=clamp)  # type: ignore[arg-type]
            expected = reference(x, given, activation, 0.2, 2**0.5, clamp)
            torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16], ids=str)
def test_types(dtype: torch.dtype, kind: str) -> None:
    x, bias = inputs(2, 3, 4, 5, dtype=dtype)
    with use_backend(kind):
        result = bias_act(x, bias.float())
    assert result.dtype == dtype
    wide = reference(x.double(), bias.float().double(), "leaky_relu", 0.2, 2**0.5, None)
    torch.testing.assert_close(result.double(), wide, rtol=4 * torch.finfo(dtype).eps, atol=torch.finfo(dtype).eps)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 4, 5, 6)], ids=["2d", "3d"])
def test_layouts_are_kept_and_strided_input_is_right(shape: tuple[int, ...], kind: str) -> None:
    x, bias = inputs(*shape)
    layout = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    last = x.to(memory_format=layout).requires_grad_(True)
    with use_backend(kind):
        result = bias_act(last, bias)
        assert result.is_contiguous(memory_format=layout)
        torch.testing.assert_close(result, reference(x, bias, "leaky_relu", 0.2, 2**0.5, None))
        (gradient,) = torch.autograd.grad(result, last, torch.ones(shape))
        torch.testing.assert_close(gradient, closed.backward(torch.ones(shape), result.detach(), 0.2, 2**0.5, 0.0))
        torch.testing.assert_close(bias_act(x[..., ::2], bias), bias_act(x[..., ::2].contiguous(), bias))
        assert bias_act(x[:0], bias).shape == (0, *shape[1:])


@pytest.mark.parametrize("activation", SLOPES)
def test_closed_forms_have_derivatives_of_two_orders(activation: str, fused_kernels: None) -> None:
    x, bias = (one.requires_grad_(True) for one in inputs(2, 3, 4, dtype=torch.float64))

    def call(x: Tensor, bias: Tensor) -> Tensor:
        return bias_act(x, bias, activation=activation, clamp=1.5)  # type: ignore[arg-type]

    assert torch.autograd.gradcheck(call, (x, bias))
    # Squares, so that the second derivative is not zero everywhere.
    assert torch.autograd.gradgradcheck(lambda x, bias: call(x, bias).square(), (x, bias))


def test_penalty_through_the_fused_form_equals_that_through_the_definition(kind: str) -> None:
    """As in R1: the gradient by the image, then that of its square by the parameters."""
    x, bias = inputs(3, 4, 5, 5)
    weight = torch.randn(4, 4)
    found = []
    for name in ("torch", kind):
        leaf, free = x.clone().requires_grad_(True), bias.clone().requires_grad_(True)
        kernel = weight.clone().requires_grad_(True)
        with use_backend(name):
            hidden = bias_act(torch.einsum("ncij,cd->ndij", leaf, kernel), free)
            (gradient,) = torch.autograd.grad(hidden.square().sum(), leaf, create_graph=True)
            found.append(torch.autograd.grad(gradient.square().sum(), (kernel, free)))
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-3)


def test_dispatcher_accepts_the_operations(fused_kernels: None) -> None:
    x, bias = inputs(2, 3, 4)
    x.requires_grad_(True)
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    operations = torch.ops.monai_gan
    torch.library.opcheck(operations.bias_act.default, (x, bias, 0.2, 1.4, 0.0), test_utils=checks)
    y = torch.randn(2, 3, 4)
    torch.library.opcheck(operations.bias_act_backward.default, (x, y, 0.2, 1.4, 1.0), test_utils=checks)


def test_silu_and_nan_go_through(kind: str) -> None:
    x: Any = torch.tensor([[float("nan"), 1.0]])
    with use_backend(kind):
        assert bias_act(x).isnan().tolist() == [[True, False]]
        assert bias_act(x, clamp=1.0).isnan().tolist() == [[True, False]]
        torch.testing.assert_close(bias_act(x[:, 1:], activation="silu", gain=1.0), torch.nn.functional.silu(x[:, 1:]))
