"""The penalty on gradient norms: values and derivatives by hand and against plain torch, on every backend."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from monai_gan.ops import gradient_norm_penalty, use_backend
from monai_gan.ops.gradient_norm_penalty import reference

KINDS = ["two_sided", "one_sided", "r1", "r2"]
TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 1e-2}


def gradients(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Some norms below the target of 2 and some above."""
    generator = torch.Generator().manual_seed(5)
    rows = torch.randn(shape, generator=generator, dtype=torch.float64).flatten(1)
    norms = torch.linspace(0.5, 4.0, shape[0], dtype=torch.float64)
    return (rows / rows.norm(dim=1, keepdim=True) * norms[:, None]).reshape(shape).to(dtype)


@pytest.mark.parametrize(
    ("kind", "expected"), [("two_sided", (9 + 1 + 4) / 3), ("one_sided", 9 / 3), ("r1", 26 / 6), ("r2", 26 / 6)]
)
def test_values_by_hand(kind: str, expected: float, backend: str) -> None:
    norms_5_1_0 = torch.tensor([[3.0, 4.0], [0.0, 1.0], [0.0, 0.0]])
    for weight in (1.0, 3.0):
        value = gradient_norm_penalty(norms_5_1_0, kind=kind, weight=weight, target=2.0)
        assert value.item() == pytest.approx(weight * expected)


@pytest.mark.parametrize("dtype", list(TOLERANCES), ids=["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3, 7, 9), (2, 1, 4, 5, 6), (3, 1027)], ids=["one", "odd", "3d", "long"])
@pytest.mark.parametrize("kind", KINDS)
def test_value_and_gradient_are_those_of_plain_torch(
    kind: str, shape: tuple[int, ...], dtype: torch.dtype, backend: str
) -> None:
    grad = gradients(*shape, dtype=dtype).requires_grad_()
    wide = grad.detach().double().requires_grad_()
    value = gradient_norm_penalty(grad, kind=kind, weight=2.0, target=2.0)
    expected = reference(wide, kind, 2.0, 2.0)
    torch.testing.assert_close(value.double(), expected, rtol=TOLERANCES[dtype], atol=0)
    (ours,), (theirs,) = torch.autograd.grad(value, grad), torch.autograd.grad(expected, wide)
    assert ours.dtype == dtype
    torch.testing.assert_close(ours.double(), theirs, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])


@pytest.mark.parametrize("kind", KINDS)
def test_second_derivative_is_right(kind: str, backend: str) -> None:
    grad = gradients(4, 2, 3).requires_grad_()

    def function(grad: Tensor) -> Tensor:
        return gradient_norm_penalty(grad, kind=kind, weight=3.0, target=2.0)

    assert torch.autograd.gradcheck(function, grad, fast_mode=backend == "triton")
    assert torch.autograd.gradgradcheck(function, grad, fast_mode=backend == "triton")


@pytest.mark.parametrize("kind", KINDS)
def test_zero_gradient_has_a_finite_penalty_and_no_gradient(kind: str, backend: str) -> None:
    grad = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    value = gradient_norm_penalty(grad, kind=kind)
    (first,) = torch.autograd.grad(value, grad, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), grad)
    assert value.isfinite()
    assert not first.any()
    assert second.isfinite().all()


def test_nan_comes_through(backend: str) -> None:
    grad = torch.tensor([[1.0, 2.0], [float("nan"), 0.0]], requires_grad=True)
    for kind in KINDS:
        value = gradient_norm_penalty(grad, kind=kind)
        assert value.isnan()
        (first,) = torch.autograd.grad(value, grad)
        assert first[1].isnan().any()
        assert first[0].isfinite().all()


def test_channels_last_is_right_and_kept_by_fused_forms(backend: str) -> None:
    grad = gradients(2, 3, 4, 5).contiguous(memory_format=torch.channels_last).requires_grad_()
    value = gradient_norm_penalty(grad)
    (ours,) = torch.autograd.grad(value, grad)
    torch.testing.assert_close(ours, torch.autograd.grad(reference(grad), grad)[0])
    if backend != "torch":
        assert ours.is_contiguous(memory_format=torch.channels_last)


def test_half_precision_norms_do_not_overflow(backend: str) -> None:
    # 65536 values of 2 have a sum of squares beyond float16, and beyond what bfloat16 can count in ones.
    grad = torch.full((1, 65536), 2.0, dtype=torch.bfloat16)
    assert gradient_norm_penalty(grad, kind="two_sided", weight=1.0, target=512.0).item() == pytest.approx(
        0.0, abs=1e-3
    )


@pytest.mark.usefixtures("fused_kernels")
def test_registration_is_sound() -> None:
    grad, one = gradients(4, 3).requires_grad_(), torch.ones((), dtype=torch.float64, requires_grad=True)
    norms = grad.detach().norm(dim=1)
    operations = torch.ops.monai_gan
    torch.library.opcheck(operations.gradient_norm_penalty.default, (grad, 0, 3.0, 2.0))
    torch.library.opcheck(operations.gradient_norm_penalty_backward.default, (one, grad, norms, 0, 3.0, 2.0))
    saved = one.detach(), grad.detach(), norms
    torch.library.opcheck(
        operations.gradient_norm_penalty_double_backward.default, (grad.detach(), *saved, 1, 3.0, 2.0)
    )


@pytest.mark.usefixtures("fused_kernels")
def test_modes_of_torch() -> None:
    grad = gradients(4, 3)
    expected = torch.func.grad(reference)(grad)
    torch.testing.assert_close(torch.func.grad(gradient_norm_penalty)(grad), expected)
    compiled = torch.compile(gradient_norm_penalty, fullgraph=True, backend="aot_eager")
    leaf = grad.clone().requires_grad_()
    torch.testing.assert_close(torch.autograd.grad(compiled(leaf), leaf)[0], expected)
    torch.testing.assert_close(torch.func.jvp(gradient_norm_penalty, (grad,), (grad,))[1], (expected * grad).sum())


@pytest.mark.usefixtures("fused_kernels")
def test_third_derivative_is_refused() -> None:
    grad = gradients(4, 3).requires_grad_()
    (first,) = torch.autograd.grad(gradient_norm_penalty(grad), grad, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), grad, create_graph=True)
    with pytest.raises(RuntimeError, match="no third derivative"):
        second.sum().backward()
    with use_backend("torch"):
        (first,) = torch.autograd.grad(gradient_norm_penalty(grad), grad, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), grad, create_graph=True)
        second.sum().backward()
    assert grad.grad is not None


@pytest.mark.parametrize(
    ("grad", "options", "error", "text"),
    [
        pytest.param(None, {}, TypeError, "grad is a NoneType", id="no_tensor"),
        pytest.param(torch.zeros(3), {}, ValueError, "shape (3,); give (N, ...)", id="no_axis"),
        pytest.param(torch.zeros(0, 3), {}, ValueError, "at least one sample", id="no_samples"),
        pytest.param(torch.zeros(3, 0), {}, ValueError, "one value in each", id="no_values"),
        pytest.param(torch.zeros(3, 2).long(), {}, TypeError, "int64; convert", id="integers"),
        pytest.param(torch.zeros(3, 2), {"kind": "r3"}, ValueError, "kind='r3' is not known", id="kind"),
    ],
)
def test_error_names_argument_value_and_remedy(
    grad: Any, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        gradient_norm_penalty(grad, **options)
    assert text in str(caught.value)
