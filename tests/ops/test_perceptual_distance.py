"""The perceptual distance: values and derivatives by hand and against the published formula, on every backend."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

from monai_gan.ops import input_gradient_only, perceptual_distance, use_backend
from monai_gan.ops.perceptual_distance import reference

TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}
SHAPES = [
    pytest.param((2, 5, 7, 9), id="odd"),
    pytest.param((2, 1, 3, 3), id="one_channel"),
    pytest.param((3, 6, 1, 1), id="one_pixel"),
    pytest.param((2, 4, 3, 2, 5), id="3d"),
    pytest.param((1, 67, 11, 13), id="no_multiple_of_a_register"),
    pytest.param((1, 3, 40, 41), id="several_tiles"),
    pytest.param((2, 5, 17), id="signal"),
]
FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


@pytest.fixture(params=["contiguous", "channels_last"])
def layout(request: pytest.FixtureRequest) -> str:
    return request.param  # type: ignore[no-any-return]


def maps(*shape: int, dtype: torch.dtype = torch.float64, layout: str = "contiguous") -> list[Tensor]:
    """Features, those of a target, and weights."""
    tensors = [torch.randn(shape, dtype=torch.float64).to(dtype) for _ in range(2)]
    if layout == "channels_last" and len(shape) in FORMATS:
        tensors = [tensor.contiguous(memory_format=FORMATS[len(shape)]) for tensor in tensors]
    weight = torch.rand(shape[1], dtype=torch.float64).to(torch.promote_types(dtype, torch.float32))
    return [tensor.requires_grad_() for tensor in (*tensors, weight)]


def published(f: Tensor, target: Tensor, weight: Tensor, eps: float = 1e-10) -> Tensor:
    """The formula as it stands in the paper, in float64."""
    f, target, weight = (tensor.double() for tensor in (f, target, weight))
    one, other = (x / (x.norm(dim=1, keepdim=True) + eps) for x in (f, target))
    return torch.einsum("c,nc...->n...", weight, (one - other).square()).flatten(1).mean(1)


def one_layer(f: Tensor, target: Tensor, weight: Tensor | None = None, **options: Any) -> Tensor:
    return perceptual_distance([f], [target], [weight], **options)


def derivatives(function: Any, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    """Those of a sum that tells the samples apart."""
    distance = function(*inputs)
    return torch.autograd.grad(distance @ torch.arange(1.0, len(distance) + 1, dtype=distance.dtype), inputs)


def doubles(inputs: list[Tensor]) -> list[Tensor]:
    return [tensor.detach().double().requires_grad_() for tensor in inputs]


def assert_near(got: Tensor, wanted: Tensor, tolerance: float) -> None:
    """Relative to the largest number of a result."""
    scale = max(wanted.abs().max().item(), 1e-3)
    torch.testing.assert_close(got.double(), wanted, rtol=0, atol=tolerance * scale)


def test_values_by_hand(backend: str) -> None:
    f = torch.tensor([[[3.0, 0.0, 1.0], [4.0, 0.0, 0.0]], [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]])
    target = torch.tensor([[[0.0, 0.0, 1.0], [2.0, 5.0, 0.0]], [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]])
    # (0.6, 0.8) against (0, 1); nothing against (0, 1); equal directions.
    ones = ((0.36 + 0.04) + 1 + 0) / 3
    assert one_layer(f, target).tolist() == pytest.approx([ones, 0.0], abs=1e-6)
    weighted = ((0.36 * 2 - 0.04) - 1 + 0) / 3
    assert one_layer(f, target, torch.tensor([2.0, -1.0])).tolist() == pytest.approx([weighted, 0.0], abs=1e-6)


def test_eps_is_added_to_the_lengths(backend: str) -> None:
    f, target = torch.tensor([[[3.0], [0.0]]]), torch.tensor([[[1.0], [0.0]]])
    assert one_layer(f, target, eps=1.0).item() == pytest.approx((3 / 4 - 1 / 2) ** 2)
    assert one_layer(f, target, eps=0.0).item() == 0.0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_value_and_derivatives_are_those_of_the_published_formula(
    shape: tuple[int, ...], dtype: torch.dtype, layout: str, backend: str
) -> None:
    inputs = maps(*shape, dtype=dtype, layout=layout)
    distance, wide = one_layer(*inputs), doubles(inputs)
    assert distance.dtype == torch.promote_types(dtype, torch.float32)
    assert_near(distance, published(*wide).detach(), TOLERANCES[distance.dtype])
    wanted = derivatives(published, wide)
    # One channel leaves rounding errors of terms that cancel, against numbers of size 1.
    floor = torch.ones(()) if shape[1] == 1 else torch.zeros(())
    for got, want, tensor in zip(derivatives(one_layer, inputs), wanted, inputs, strict=True):
        assert got.dtype == tensor.dtype
        scale = max(want.abs().max().item(), floor.item())
        torch.testing.assert_close(got.double(), want, rtol=0, atol=TOLERANCES[dtype] * scale + 1e-15)
        if backend != "torch":
            assert got.stride() == tensor.stride()


def test_float16_is_served(layout: str) -> None:
    inputs = maps(2, 5, 7, 9, dtype=torch.float16, layout=layout)
    assert_near(one_layer(*inputs), published(*doubles(inputs)).detach(), 1e-5)
    for got, want in zip(derivatives(one_layer, inputs), derivatives(published, doubles(inputs)), strict=True):
        assert_near(got, want, TOLERANCES[torch.float16])


def test_first_derivatives_are_right(backend: str) -> None:
    assert torch.autograd.gradcheck(one_layer, maps(2, 3, 2, 4), fast_mode=backend == "triton")


def test_layers_are_summed(backend: str) -> None:
    layers = [maps(2, channels, size, size) for channels, size in ((3, 8), (5, 4), (7, 2))]
    f, target, weights = (list(column) for column in zip(*layers, strict=True))
    total = perceptual_distance(f, target, [weights[0], None, weights[2]])
    ones = torch.ones_like(weights[1])
    wanted = published(*layers[0]) + published(*layers[1][:2], ones) + published(*layers[2])
    torch.testing.assert_close(total, wanted)
    torch.testing.assert_close(perceptual_distance(f, target), reference(f, target))
    total.sum().backward()
    assert all(tensor.grad is not None for tensor in (*f, *target, weights[0], weights[2]))


def test_equal_features_have_no_distance_at_all(layout: str, backend: str) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        f, _, weight = maps(2, 37, 5, 7, dtype=dtype, layout=layout)
        distance = one_layer(f, f.detach().clone(), weight)
        assert distance.tolist() == [0.0, 0.0]
        assert not torch.autograd.grad(distance.sum(), f)[0].any()


def test_nearly_equal_features_keep_their_digits(layout: str, backend: str) -> None:
    f, noise, weight = maps(2, 64, 5, 7, dtype=torch.float32, layout=layout)
    for apart, plain in ((1e-2, 1e-4), (1e-4, 1e-2)):
        target = (f.detach() * (1 + apart * noise.detach())).requires_grad_()
        inputs = [f, target, weight]
        tolerance = plain if backend == "torch" else 1e-5
        wanted = published(*doubles(inputs)).detach()
        torch.testing.assert_close(one_layer(*inputs).double(), wanted, rtol=tolerance, atol=0)
        for got, want in zip(derivatives(one_layer, inputs), derivatives(published, doubles(inputs)), strict=True):
            torch.testing.assert_close(got.double(), want, rtol=0, atol=tolerance * want.abs().max().item())


def test_zero_background_has_no_gradient(layout: str, backend: str) -> None:
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        inputs = maps(1, 6, 8, 8, dtype=dtype, layout=layout)
        with torch.no_grad():
            inputs[0][..., :4, :] = 0
            inputs[1][..., :2, :] = 0
        wide = doubles(inputs)
        torch.testing.assert_close(one_layer(*inputs).double(), published(*wide), rtol=1e-5, atol=0)
        to_f, to_target, to_weight = derivatives(one_layer, inputs)
        assert not to_f[..., :4, :].any()
        assert not to_target[..., :2, :].any()
        wanted = derivatives(published, wide)
        assert_near(to_f[..., 4:, :], wanted[0][..., 4:, :], TOLERANCES[dtype])
        assert_near(to_target[..., 2:, :], wanted[1][..., 2:, :], TOLERANCES[dtype])
        assert_near(to_weight, wanted[2], 1e-5)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("scale", [1e-17, 1e-12, 1e20, 1e30])
def test_huge_and_tiny_features(scale: float, layout: str, backend: str) -> None:
    f, target, weight = maps(2, 5, 7, 9, dtype=torch.float32, layout=layout)
    inputs = [(f.detach() * scale).requires_grad_(), target, weight]
    torch.testing.assert_close(one_layer(*inputs).double(), published(*doubles(inputs)), rtol=1e-5, atol=0)
    for got, want in zip(derivatives(one_layer, inputs), derivatives(published, doubles(inputs)), strict=True):
        torch.testing.assert_close(got.double(), want, rtol=0, atol=1e-5 * want.abs().max().item())


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_make_their_sample_nan(value: float, layout: str, backend: str) -> None:
    f, target, weight = maps(3, 5, 4, 6, dtype=torch.float32, layout=layout)
    with torch.no_grad():
        f[1, 2, 3, 3] = value
    distance = one_layer(f, target, weight)
    assert distance.isnan().tolist() == [False, True, False]
    (to_f,) = torch.autograd.grad(distance.sum(), f)
    assert to_f[1, :, 3, 3].isnan().any()
    assert to_f[[0, 2]].isfinite().all()


def test_inputs_of_any_layout_are_served(backend: str) -> None:
    f, target, weight = maps(2, 6, 5, 8)
    inputs = [f.transpose(2, 3)[:, ::2], target.transpose(2, 3)[:, ::2].contiguous(), weight[::2]]
    torch.testing.assert_close(one_layer(*inputs), published(*inputs))
    mixed = [f, target.contiguous(memory_format=torch.channels_last), weight]
    torch.testing.assert_close(derivatives(one_layer, mixed), derivatives(published, mixed))


def test_one_target_serves_a_batch(backend: str) -> None:
    f, target, weight = maps(3, 4, 5, 5)
    inputs = [f, target[:1], weight]
    torch.testing.assert_close(one_layer(*inputs), published(f, target[:1].expand_as(f), weight))
    torch.testing.assert_close(derivatives(one_layer, inputs)[1], derivatives(published, inputs)[1])


def test_empty_batch_gives_an_empty_batch(backend: str) -> None:
    f = torch.zeros(0, 3, 4, 4, requires_grad=True)
    distance = perceptual_distance([f, f[:, :2]], [f, f[:, :2]])
    assert distance.shape == (0,)
    distance.sum().backward()


def test_target_without_gradient_has_none_computed(calls: list[tuple[str, tuple[Any, ...]]]) -> None:
    f, target, weight = maps(2, 3, 4, 4)
    one_layer(f, target.detach(), weight.detach()).sum().backward()
    assert [name for name, _ in calls] == ["forward", "backward"]
    calls.clear()
    distance = one_layer(f, target, weight)
    with input_gradient_only():
        distance.sum().backward()
    assert [name for name, _ in calls] == ["forward", "backward", "backward"]
    calls.clear()
    one_layer(f.detach(), target.detach(), weight).sum().backward()
    assert [name for name, _ in calls] == ["forward", "weight_gradient"]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_gradients_with_the_value_are_those_of_the_published_formula(dtype: torch.dtype, layout: str) -> None:
    """Several layers at once, which the compiled kernels read in one sweep; cotangents of 1, and others."""
    layers = [maps(3, *shape, dtype=dtype, layout=layout) for shape in ((5, 7, 9), (67, 20, 31), (6, 1, 1))]
    features, targets, weights = ([layer[i].detach() for layer in layers] for i in range(3))
    for f in features:
        f.requires_grad_()
    wide = [doubles([f])[0] for f in features]
    distance = perceptual_distance(features, targets, weights)
    wanted = torch.stack([published(*one) for one in zip(wide, targets, weights, strict=True)]).sum(0)
    assert_near(distance, wanted.detach(), TOLERANCES[distance.dtype])
    for cotangent in (torch.ones(3), torch.tensor([2.0, 0.0, -0.5]), torch.ones(3)):
        got = torch.autograd.grad(distance, features, cotangent.to(distance.dtype), retain_graph=True)
        for one, want in zip(got, torch.autograd.grad(wanted, wide, cotangent, retain_graph=True), strict=True):
            assert_near(one, want, TOLERANCES[dtype])
            one.zero_()  # what was handed out is not what later passes get
    (last,) = torch.autograd.grad(distance.mean(), features[0])
    assert_near(last, torch.autograd.grad(wanted.mean(), wide[0])[0], TOLERANCES[dtype])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_distance_alone_is_that_with_gradients(dtype: torch.dtype, layout: str) -> None:
    layers = [maps(2, *shape, dtype=dtype, layout=layout) for shape in ((5, 7, 9), (67, 20, 31), (9, 41, 57))]
    features, targets, weights = (list(column) for column in zip(*layers, strict=True))
    weights[2] = None
    with torch.no_grad():
        alone = perceptual_distance(features, targets, weights)
    targets, constants = [one.detach() for one in targets], [None if one is None else one.detach() for one in weights]
    assert torch.equal(alone, perceptual_distance(features, targets, constants))
    assert not alone.requires_grad
    torch.testing.assert_close(alone, perceptual_distance(features, targets, weights))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("factor", [1.0, 0.125, -4.0, 0.0, 3.7])
def test_a_cotangent_multiplies_the_gradients(factor: float, dtype: torch.dtype, layout: str) -> None:
    layers = [maps(2, *shape, dtype=dtype, layout=layout) for shape in ((5, 7, 9), (67, 40, 31))]
    features, targets = [layer[0] for layer in layers], [layer[1].detach() for layer in layers]

    def gradients(*cotangents: float) -> tuple[Tensor, ...]:
        distance = perceptual_distance(features, targets)
        return torch.autograd.grad(distance, features, distance.new_tensor(cotangents))

    for got, one in zip(gradients(factor, 1.0), gradients(1.0, 1.0), strict=True):
        wide = torch.promote_types(dtype, torch.float32)
        assert torch.equal(got[0], (one[0].to(wide) * torch.tensor(factor, dtype=wide)).to(dtype))
        assert torch.equal(got[1], one[1])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_the_gradients_do_not_depend_on_the_cotangents_before(dtype: torch.dtype, layout: str) -> None:
    f, target, _ = maps(2, 67, 40, 31, dtype=dtype, layout=layout)
    one = torch.autograd.grad(perceptual_distance([f], [target.detach()]).sum(), f)[0]
    wide = torch.promote_types(dtype, torch.float32)
    for cotangent in (0.5, 0.5, 0.125, 0.3, 0.5, 1.0, 1.0, 64.0, 0.0, 0.25):
        distance = perceptual_distance([f], [target.detach()])
        (got,) = torch.autograd.grad(distance, f, torch.full_like(distance, cotangent))
        assert torch.equal(got, (one.to(wide) * torch.tensor(cotangent, dtype=wide)).to(dtype))


def test_a_cotangent_that_requires_a_gradient_brings_no_warning() -> None:
    f, target, _ = maps(3, 4, 5, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = perceptual_distance([f], [target.detach()]).square().mean()
        (gradient,) = torch.autograd.grad(value, f, create_graph=True)
    assert gradient.requires_grad


def test_gradients_share_memory_but_nothing_else(layout: str) -> None:
    layers = [maps(2, *shape, dtype=torch.float32, layout=layout) for shape in ((1, 1, 1), (3, 5, 7), (4, 2, 3))]
    features, targets = [layer[0] for layer in layers], [layer[1].detach() for layer in layers]
    gradients = torch.autograd.grad(perceptual_distance(features, targets).sum(), features)
    kept = [one.clone() for one in gradients]
    for one, f in zip(gradients, features, strict=True):
        assert one.data_ptr() % 64 == 0
        assert one.stride() == f.stride()
        assert one._base is None
    versions = [one._version for one in gradients]
    gradients[1].zero_()
    assert [one._version for one in gradients] == [versions[0], versions[1] + 1, versions[2]]
    assert torch.equal(gradients[0], kept[0])
    assert torch.equal(gradients[2], kept[2])


def test_autocast_changes_nothing(backend: str) -> None:
    inputs = maps(2, 5, 7, 9, dtype=torch.float32)
    wanted = one_layer(*inputs)
    with torch.autocast("cpu", torch.bfloat16):
        distance = one_layer(*inputs)
    assert torch.equal(distance, wanted)


@pytest.mark.usefixtures("fused_kernels")
def test_registration_is_sound() -> None:
    f, target, weight = maps(2, 3, 4, 5)
    operations = torch.ops.monai_gan
    torch.library.opcheck(operations.perceptual_distance.default, (f, target, weight, 1e-10))
    torch.library.opcheck(operations.perceptual_distance.default, (f, target, None, 1e-10))
    plain = [tensor.detach() for tensor in (f, target, weight)]
    statistics = operations.perceptual_distance(*plain, 1e-10)[1]
    reciprocal, along, other, _, gap = (one.clone() for one in statistics)
    grad = torch.ones(2, dtype=torch.float64)
    backward, of_weight = operations.perceptual_distance_backward, operations.perceptual_distance_weight_gradient
    torch.library.opcheck(backward.default, (grad, *plain[:2], reciprocal, other, along, gap, plain[2]))
    torch.library.opcheck(of_weight.default, (grad, *plain[:2], reciprocal, other, gap))


@pytest.mark.usefixtures("fused_kernels")
def test_modes_of_torch() -> None:
    inputs = maps(2, 3, 4, 5)
    f, target, weight = (tensor.detach() for tensor in inputs)

    def total(f: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        return one_layer(f, target, weight).sum()

    wanted = torch.autograd.grad(total(*inputs), inputs)
    torch.testing.assert_close(torch.func.grad(total, argnums=(0, 1, 2))(f, target, weight), wanted)
    compiled = torch.compile(total, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(torch.autograd.grad(compiled(*inputs), inputs), wanted)
    tangent = torch.func.jvp(lambda f: total(f, target, weight), (f,), (target,))[1]
    torch.testing.assert_close(tangent, (wanted[0] * target).sum())
    mapped = torch.func.vmap(one_layer, in_dims=(0, None, None))(torch.stack([f, 2 * f]), target, weight)
    torch.testing.assert_close(mapped, one_layer(f, target, weight).expand(2, -1))


def test_second_derivative_is_refused(backend: str) -> None:
    if backend == "torch":
        pytest.skip("plain torch has it")
    f, target, weight = maps(2, 3, 2, 2)
    for of, constants in ((f, (target, weight)), (weight, (target, weight)), (f, (target.detach(), weight.detach()))):
        (first,) = torch.autograd.grad(one_layer(f, *constants).sum(), of, create_graph=True)
        with pytest.raises(RuntimeError, match=r"no second derivative; use monai_gan.ops.use_backend\('torch'\)"):
            first.square().sum().backward()


def test_plain_torch_has_second_derivatives() -> None:
    with use_backend("torch"):
        assert torch.autograd.gradgradcheck(one_layer, maps(2, 3, 2, 2))
        f, target, weight = maps(1, 3, 2, 2)
        with torch.no_grad():
            f[..., 0, 0] = 0
        (first,) = torch.autograd.grad(one_layer(f, target, weight).sum(), f, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), f)
    assert second.isfinite().all()


F = torch.zeros(2, 3, 4, 4)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        pytest.param((F, [F]), TypeError, "features is a Tensor; give a list", id="no_list"),
        pytest.param(([F], [F], F), TypeError, "weights is a Tensor; give a list", id="no_list_of_weights"),
        pytest.param(([], []), ValueError, "features has 0 layer(s)", id="no_layers"),
        pytest.param(([F], [F, F]), ValueError, "features has 1 layer(s) and target_features 2", id="lists"),
        pytest.param(([F], [F], []), ValueError, "features has 1 layer(s) and weights 0", id="list_of_weights"),
        pytest.param(([F], [None]), TypeError, "target_features[0] is a NoneType", id="no_tensor"),
        pytest.param(([F.long()], [F]), TypeError, "features[0] is torch.int64; convert", id="integers"),
        pytest.param(([F[0, 0]], [F[0, 0]]), ValueError, "features[0] has shape (4, 4); give (N, C, *S)", id="axes"),
        pytest.param(([F[..., :0]], [F[..., :0]]), ValueError, "at least one channel and one pixel", id="no_pixel"),
        pytest.param(([F, F[:1]], [F, F[:1]]), ValueError, "a batch of 2 and features[1] of 1", id="batches"),
        pytest.param(([F], [F[:, :2]]), ValueError, "target_features[0] (2, 2, 4, 4); give two", id="channels"),
        pytest.param(([F[:1]], [F]), ValueError, "or a target with a batch of 1", id="target_batch"),
        pytest.param(([F], [F.double()]), TypeError, "target_features[0] torch.float64; convert both", id="types"),
        pytest.param(([F], [F.to("meta")]), ValueError, "features[0] is on cpu and target_features[0]", id="devices"),
        pytest.param(([F], [F], [F[0, 0, 0]]), ValueError, "weights[0] has shape (4,); give one", id="weight_shape"),
        pytest.param(([F], [F], [torch.ones(3).double()]), TypeError, "weights[0] is torch.float64", id="weight_type"),
    ],
)
def test_error_names_argument_value_and_remedy(arguments: tuple[Any, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        perceptual_distance(*arguments)
    assert str(caught.value).startswith("perceptual_distance: ")
    assert text in str(caught.value)


@pytest.mark.parametrize("eps", [-1e-10, float("nan"), float("inf")])
def test_eps_out_of_range_is_refused(eps: float) -> None:
    with pytest.raises(ValueError, match=f"eps={eps} is no small positive number; give one such as 1e-10"):
        perceptual_distance([F], [F], eps=eps)
