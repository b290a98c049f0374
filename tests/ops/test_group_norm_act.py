"""Fused normalisation and activation: values and derivatives against plain torch, in every mode that torch offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_gan.networks.blocks import GroupNormAct
from monai_gan.ops import group_norm_act, input_gradient_only, use_backend
from monai_gan.ops.group_norm_act import reference

CASES = [
    pytest.param((1, 1, 3, 3), 1, id="tiny"),
    pytest.param((2, 6, 7, 9), 3, id="odd"),
    pytest.param((2, 4, 1, 1), 2, id="one_pixel"),
    pytest.param((3, 5, 2), 5, id="signal"),
    pytest.param((4, 6), 2, id="vectors"),
    pytest.param((1, 4, 5, 6, 7), 4, id="3d"),
    pytest.param((1, 37, 4, 4), 1, id="many_channels"),
]
ACTIVATIONS = ["leaky_relu", "relu", "silu", "identity"]
TOLERANCES = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 2e-2}


def arguments(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, *, grad: bool = False) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    x, weight, bias = (
        torch.randn(size, generator=generator, dtype=torch.float64) for size in (shape, shape[1], shape[1])
    )
    return [tensor.to(dtype).requires_grad_(grad) for tensor in (x * 2 + 0.5, weight, bias)]


def penalty(function: Callable[..., Tensor], x: Tensor, *parameters: Tensor) -> Tensor:
    """A second-order loss, as a gradient penalty makes it."""
    (gradient,) = torch.autograd.grad(function(x, *parameters).sin().sum(), x, create_graph=True)
    return gradient.square().sum()


@pytest.mark.parametrize("dtype", list(TOLERANCES), ids=["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("shape", "groups"), CASES)
def test_value_is_that_of_group_norm_and_activation(
    shape: tuple[int, ...], groups: int, activation: str, dtype: torch.dtype, backend: str
) -> None:
    x, weight, bias = arguments(shape, dtype)
    y = F.group_norm(x.double(), groups, weight.double(), bias.double())
    expected = {"leaky_relu": F.leaky_relu(y, 0.3), "relu": F.relu(y), "silu": F.silu(y), "identity": y}[activation]
    ours = group_norm_act(x, groups, weight, bias, activation=activation, negative_slope=0.3)
    assert ours.dtype == dtype
    torch.testing.assert_close(ours.double(), expected, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])


@pytest.mark.parametrize("affine", [True, False], ids=["affine", "plain"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_first_and_second_derivatives_are_right(activation: str, affine: bool, backend: str) -> None:
    tensors = arguments((2, 4, 3, 2), grad=True)[: 3 if affine else 1]

    def function(x: Tensor, *parameters: Tensor) -> Tensor:
        return group_norm_act(x, 2, *parameters, activation=activation)

    # An interpreted kernel takes milliseconds, so there the Jacobians are compared along random directions only.
    fast = backend == "triton"
    assert torch.autograd.gradcheck(function, tensors, fast_mode=fast)
    assert torch.autograd.gradgradcheck(function, tensors, fast_mode=fast)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.channels_last_3d], ids=["2d", "3d"])
def test_channels_last_is_kept_through_all_derivatives(layout: torch.memory_format, backend: str) -> None:
    shape = (2, 4, 3, 5) if layout == torch.channels_last else (2, 4, 3, 2, 3)
    x, weight, bias = arguments(shape)
    x = x.contiguous(memory_format=layout).requires_grad_()
    y = group_norm_act(x, 2, weight, bias, activation="silu")
    (first,) = torch.autograd.grad(y.sin().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x)
    for tensor in (y, first, second):
        assert tensor.is_contiguous(memory_format=layout)
    plain = x.detach().contiguous().requires_grad_()
    value = penalty(lambda x: reference(x, 2, weight, bias, activation="silu"), plain)
    torch.testing.assert_close(second, torch.autograd.grad(value, plain)[0])


@pytest.mark.parametrize(
    "change",
    [lambda x: x[..., ::2, ::2], lambda x: x.transpose(0, 1), lambda x: x[:1].expand(3, -1, -1, -1), lambda x: x[1:]],
    ids=["strided", "transposed", "expanded", "offset"],
)
def test_any_strides_are_right(change: Callable[[Tensor], Tensor], backend: str) -> None:
    x = change(arguments((4, 4, 6, 6))[0])
    torch.testing.assert_close(group_norm_act(x, 2), reference(x, 2))


def test_half_precision_second_order_stays_near_double(backend: str) -> None:
    tensors = arguments((2, 8, 6, 6), torch.bfloat16, grad=True)
    wide = [tensor.detach().double().requires_grad_() for tensor in tensors]
    ours = torch.autograd.grad(penalty(lambda *t: group_norm_act(t[0], 4, *t[1:]), *tensors), tensors)
    theirs = torch.autograd.grad(penalty(lambda *t: reference(t[0], 4, *t[1:]), *wide), wide)
    for one, other in zip(ours, theirs, strict=True):
        assert float((one.double() - other).norm() / other.norm()) < 3e-2


def test_parameters_may_be_float32_beside_half_precision(backend: str) -> None:
    x, weight, bias = arguments((2, 4, 3, 3), torch.bfloat16)
    mixed = group_norm_act(x, 2, weight.float(), bias.float())
    torch.testing.assert_close(mixed, group_norm_act(x, 2, weight, bias))


def test_second_order_is_not_first_order_only(backend: str) -> None:
    # A backward that is no graph of its own loses the term through the statistics, and training goes on wrongly.
    x, weight, bias = arguments((2, 4, 3, 3), grad=True)
    value = penalty(lambda *t: group_norm_act(t[0], 2, *t[1:]), x, weight, bias)
    (ours,) = torch.autograd.grad(value, weight)
    (first_only,) = torch.autograd.grad(group_norm_act(x, 2, weight, bias).sin().sum(), weight)
    assert not torch.allclose(ours, first_only)
    other = penalty(lambda *t: reference(t[0], 2, *t[1:]), x, weight, bias)
    torch.testing.assert_close(ours, torch.autograd.grad(other, weight)[0])


def test_empty_batch_gives_an_empty_batch(backend: str) -> None:
    x = torch.zeros(0, 4, 3, 3, requires_grad=True)
    y = group_norm_act(x, 2)
    assert y.shape == x.shape
    y.sum().backward()
    assert x.grad is not None


def test_nan_stays_in_its_group(backend: str) -> None:
    x = arguments((2, 4, 3, 3), torch.float32)[0]
    x[1, 0, 1, 1] = float("nan")
    spoilt = group_norm_act(x, 2).isnan()
    assert bool(spoilt[1, :2].all())
    assert not bool(spoilt[0].any() or spoilt[1, 2:].any())


def test_large_offset_does_not_cancel(backend: str) -> None:
    x = arguments((1, 2, 64, 64), torch.float32)[0] + 1e4
    expected = reference(x.double(), 1)
    torch.testing.assert_close(group_norm_act(x, 1).double(), expected, rtol=0, atol=5e-3)


class TestModesOfTorch:
    """Fused backends only: plain torch needs no proof."""

    @pytest.fixture(autouse=True)
    def fused(self, fused_kernels: None) -> None:
        """The closed forms behind the registered operations."""

    def test_registration_is_sound(self) -> None:
        x, weight, bias = arguments((2, 4, 3, 3), grad=True)
        statistics = torch.zeros(2, 2, dtype=torch.float64), torch.ones(2, 2, dtype=torch.float64)
        saved = (x.detach().clone().requires_grad_(), x, *statistics, weight, bias, 2, True, 0.0)
        operations = torch.ops.monai_gan
        torch.library.opcheck(operations.group_norm_act.default, (x, weight, bias, 2, 1e-5, True, 0.0))
        torch.library.opcheck(operations.group_norm_act_backward.default, (*saved, True))
        torch.library.opcheck(operations.group_norm_act_backward.default, (*saved, False))
        plain = [tensor.detach() if isinstance(tensor, Tensor) else tensor for tensor in saved]
        torch.library.opcheck(
            operations.group_norm_act_double_backward.default, (x.detach(), weight.detach(), None, *plain)
        )

    def test_functional_transforms(self) -> None:
        x, weight, bias = arguments((2, 4, 3, 2))

        def ours(x: Tensor) -> Tensor:
            return group_norm_act(x, 2, weight, bias, activation="silu")

        def theirs(x: Tensor) -> Tensor:
            return reference(x, 2, weight, bias, activation="silu")

        def second(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
            inner = torch.func.grad(lambda x: function(x).sin().sum())
            return torch.func.grad(lambda x: inner(x).square().sum())

        torch.testing.assert_close(second(ours)(x), second(theirs)(x))
        torch.testing.assert_close(torch.func.jacrev(ours)(x), torch.func.jacrev(theirs)(x))
        for value, expected in zip(torch.func.jvp(ours, (x,), (x,)), torch.func.jvp(theirs, (x,), (x,)), strict=True):
            torch.testing.assert_close(value, expected)
        stack = torch.stack([x, 2 * x])
        torch.testing.assert_close(torch.func.vmap(ours)(stack), torch.func.vmap(theirs)(stack))

    def test_forward_mode_of_autograd(self) -> None:
        x, tangent = arguments((2, 4, 3, 2))[0], torch.ones(2, 4, 3, 2, dtype=torch.float64)
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(x, tangent)
            moved = torch.autograd.forward_ad.unpack_dual(group_norm_act(dual, 2)).tangent
        expected = torch.func.jvp(lambda x: reference(x, 2), (x,), (tangent,))[1]
        torch.testing.assert_close(moved, expected)

    def test_compiles_into_one_graph(self) -> None:
        tensors = arguments((2, 4, 3, 3), grad=True)
        compiled = torch.compile(lambda *t: group_norm_act(t[0], 2, *t[1:]), fullgraph=True, backend="aot_eager")
        ours = torch.autograd.grad(compiled(*tensors).sin().sum(), tensors)
        theirs = torch.autograd.grad(reference(tensors[0], 2, *tensors[1:]).sin().sum(), tensors)
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other)

    def test_autocast_keeps_the_type_of_its_input(self) -> None:
        network = nn.Sequential(nn.Conv2d(1, 4, 3), GroupNormAct(2, 4), nn.Conv2d(4, 1, 3))
        image = torch.randn(2, 1, 8, 8)
        seen: list[torch.dtype] = []
        network[1].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
        with torch.autocast("cpu", torch.bfloat16):
            loss = network(image).float().square().mean()
        loss.backward()
        assert seen == [torch.bfloat16]
        assert network[1].weight.grad.dtype == torch.float32

    def test_checkpointing_recomputes_the_same(self) -> None:
        x = arguments((2, 4, 3, 3), grad=True)[0]
        y = torch.utils.checkpoint.checkpoint(lambda x: group_norm_act(x, 2), x, use_reentrant=False)
        (ours,) = torch.autograd.grad(y.sin().sum(), x)
        torch.testing.assert_close(ours, torch.autograd.grad(reference(x, 2).sin().sum(), x)[0])

    def test_third_derivative_is_refused(self) -> None:
        x = arguments((2, 4, 3, 3), grad=True)[0]
        (second,) = torch.autograd.grad(penalty(lambda x: group_norm_act(x, 2), x), x, create_graph=True)
        with pytest.raises(RuntimeError, match=r"no third derivative; use .*use_backend\('torch'\)"):
            second.sum().backward()
        with use_backend("torch"):
            value = penalty(lambda x: group_norm_act(x, 2, activation="silu"), x)
        (second,) = torch.autograd.grad(value, x, create_graph=True)
        torch.autograd.grad(second.sum(), x)

    def test_input_gradient_only_skips_gain_and_shift(self, calls: list[tuple[str, tuple[Any, ...]]]) -> None:
        x, weight, bias = arguments((2, 4, 3, 3), grad=True)
        y = group_norm_act(x, 2, weight, bias)
        with input_gradient_only():
            (gradient,) = torch.autograd.grad(y.sin().sum(), x, create_graph=True)
        gradient.square().sum().backward()
        asked = [args[-1] for name, args in calls if name == "backward"]
        # The outer backward pass goes through the forward pass again, and there the parameters count.
        assert asked == [False, True]
        expected = [tensor.detach().requires_grad_() for tensor in (x, weight, bias)]
        penalty(lambda *t: reference(t[0], 2, *t[1:]), *expected).backward()
        for one, other in zip((x, weight, bias), expected, strict=True):
            torch.testing.assert_close(one.grad, other.grad)

    def test_frozen_parameters_are_skipped_without_asking(self, calls: list[tuple[str, tuple[Any, ...]]]) -> None:
        x, weight, bias = arguments((2, 4, 3, 3))
        group_norm_act(x.requires_grad_(), 2, weight, bias).sum().backward()
        assert [args[-1] for name, args in calls if name == "backward"] == [False]


@pytest.mark.parametrize("export", ["script", "trace", "export"])
def test_a_network_leaves_torch_as_plain_operations(export: str) -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), GroupNormAct(2, 4), nn.Flatten()).eval()
    image = torch.randn(2, 1, 8, 8)
    if export == "script":
        made: Any = torch.jit.script(network)
        text = str(made.inlined_graph)
    elif export == "trace":
        made = torch.jit.trace(network, (image,))
        text = str(made.inlined_graph)
    else:
        program = torch.export.export(network, (image,))
        made, text = program.module(), str(program.graph)
    assert "group_norm" in text
    assert "monai_gan." not in text.replace("monai_gan/", "").replace("__torch__.monai_gan.", "")
    torch.testing.assert_close(made(image), network(image))


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        pytest.param({"x": [[1.0]]}, TypeError, "x is a list; give a torch.Tensor", id="no_tensor"),
        pytest.param({"x": torch.zeros(4)}, ValueError, "shape (4,); give (N, C, *S)", id="no_channels"),
        pytest.param({"x": torch.zeros(2, 0, 3, 3)}, ValueError, "at least one channel", id="zero_channels"),
        pytest.param({"x": torch.zeros(2, 4, 0, 3)}, ValueError, "one pixel", id="zero_space"),
        pytest.param({"x": torch.zeros(2, 4, 3, 3, dtype=torch.int32)}, TypeError, "int32; convert", id="integers"),
        pytest.param({"num_groups": 3}, ValueError, "num_groups=3 does not divide 4", id="groups"),
        pytest.param({"num_groups": 0}, ValueError, "num_groups=0", id="no_groups"),
        pytest.param({"weight": torch.ones(3)}, ValueError, "weight has shape (3,)", id="weight_shape"),
        pytest.param(
            {"bias": torch.ones(4).double()}, TypeError, "bias is torch.float64 and x torch.float32", id="type"
        ),
        pytest.param({"bias": torch.ones(4, device="meta")}, ValueError, "x is on cpu and bias on meta", id="device"),
        pytest.param({"eps": 0.0}, ValueError, "eps=0.0", id="eps"),
        pytest.param({"activation": "gelu"}, ValueError, "activation='gelu' is unknown; choose leaky_relu", id="act"),
    ],
)
def test_error_names_argument_value_and_remedy(change: dict[str, Any], error: type[Exception], text: str) -> None:
    given = {"x": torch.zeros(2, 4, 3, 3), "num_groups": 2, **change}
    with pytest.raises(error) as caught:
        group_norm_act(given.pop("x"), given.pop("num_groups"), **given)
    assert text in str(caught.value)
    assert str(caught.value).startswith("group_norm_act: ")
