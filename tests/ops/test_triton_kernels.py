"""The Triton kernels against autograd in float64: compiled where there is a GPU, else in Triton's interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from philox_words import philox
from philox_words import weight as philox_weight
from torch import Tensor

triton = pytest.importorskip("triton")
import triton.language as tl  # noqa: E402

from monai_gan.ops._torch import perceptual_distance as closed_distance  # noqa: E402
from monai_gan.ops._triton import (  # noqa: E402
    gradient_norm_penalty,
    group_norm_act,
    interpolate,
    launch,
    perceptual_distance,
    ssim,
)
from monai_gan.ops._triton import group_norm_plan as plan  # noqa: E402
from monai_gan.ops._triton.group_norm_tiles import group_start, offsets  # noqa: E402
from monai_gan.ops._triton.philox import uniform  # noqa: E402
from monai_gan.ops.ssim import reference as ssim_reference  # noqa: E402

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

# Largest error, relative to the largest value of a tensor. The interpreter truncates bfloat16 where GPUs round.
TOLERANCE = {torch.float64: 1e-11, torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}
TYPES = [pytest.param(dtype, id=str(dtype)[6:]) for dtype in TOLERANCE]
CASES = [
    pytest.param((2, 6, 5, 7), 2, id="odd_2d"),
    pytest.param((2, 6, 4, 3), 6, id="instance_norm"),
    pytest.param((2, 4, 3, 2, 5), 2, id="3d"),
    pytest.param((3, 5, 2, 3), 1, id="layer_norm"),
    pytest.param((3, 8, 1, 1), 2, id="one_pixel"),
    pytest.param((2, 1, 9, 5), 1, id="one_channel"),
]
LAYOUTS = ["contiguous", "channels_last"]


@pytest.fixture(params=["on_chip", "split"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Reduce groups in one program, or share each among programs that take two steps or more where they can."""
    if request.param == "split":
        monkeypatch.setattr(plan, "ON_CHIP", dict.fromkeys(plan.ON_CHIP, 0))
        monkeypatch.setattr(launch, "FILL", 4)
    return request.param


def random(*shape: int, dtype: torch.dtype = torch.float32, layout: str = "contiguous") -> Tensor:
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    value = torch.randn(shape, dtype=torch.float64).to(DEVICE, dtype)
    return value if layout == "contiguous" else value.to(memory_format=formats[len(shape)])


def wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def assert_close(actual: Tensor, expected: Tensor, dtype: torch.dtype) -> None:
    scale = expected.abs().max().clamp(min=1e-3).item()
    torch.testing.assert_close(actual.double(), expected, rtol=0, atol=TOLERANCE[dtype] * scale)


def exact(x: Tensor, weight: Tensor | None, bias: Tensor | None, groups: int, smooth: bool) -> Tensor:
    y = F.group_norm(x, groups, weight, bias, 1e-5)
    return F.silu(y) if smooth else F.leaky_relu(y, 0.2)


def doubled(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().double().requires_grad_()


@pytest.mark.parametrize(
    ("smooth", "affine"), [(True, True), (False, True), (True, False)], ids=["silu", "leaky_relu", "no_parameters"]
)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("shape", "groups"), CASES)
def test_three_passes_are_those_of_autograd(
    shape: tuple[int, ...], groups: int, layout: str, smooth: bool, affine: bool, route: str
) -> None:
    check_three_passes(shape, groups, layout, smooth, affine, torch.float64)


def test_signals_have_one_spatial_axis(route: str) -> None:
    check_three_passes((2, 4, 17), 2, "contiguous", False, True, torch.float64)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_is_served_to_its_precision(dtype: torch.dtype, layout: str, route: str) -> None:
    check_three_passes((2, 6, 5, 7), 2, layout, True, True, dtype)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_groups_of_many_tiles_and_chunks(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "ON_CHIP", dict.fromkeys(plan.ON_CHIP, 0))
    monkeypatch.setattr(launch, "FILL", 4)
    shape = plan.Shape(1, 3, 41 * 53, 1, layout == "channels_last", torch.float32)
    tile = plan.for_reduction(shape, 1)
    assert tile.steps > 1
    assert tile.chunks > 1
    check_three_passes((1, 3, 41, 53), 1, layout, True, True, torch.float32)


def check_three_passes(
    shape: tuple[int, ...], groups: int, layout: str, smooth: bool, affine: bool, dtype: torch.dtype
) -> None:
    x, grad, v = (random(*shape, dtype=dtype, layout=layout) for _ in range(3))
    weight, bias, p, s = (random(shape[1], dtype=wide(dtype)) if affine else None for _ in range(4))
    known = (weight, bias, groups)

    z, mean, rstd = group_norm_act.forward(x, *known, 1e-5, smooth, 0.2)
    found = group_norm_act.backward(grad, x, mean, rstd, *known, smooth, 0.2, affine)
    found += group_norm_act.double_backward(v, p, s, grad, x, mean, rstd, *known, smooth, 0.2)

    inputs = [tensor for tensor in map(doubled, (x, weight, bias)) if tensor is not None]
    w, b = inputs[1:] if affine else (None, None)
    dz = doubled(grad)
    expected = exact(inputs[0], w, b, groups, smooth)
    first = torch.autograd.grad(expected, inputs, dz, create_graph=True)
    cotangents = [tensor.double() for tensor in (v, p, s) if tensor is not None]
    second = torch.autograd.grad(first, [dz, *inputs], cotangents, allow_unused=True)

    assert_close(z, expected.detach(), dtype)
    assert_close(mean, x.double().reshape(shape[0], groups, -1).mean(dim=2), wide(dtype))
    for tensor in (z, found[0], found[3], found[4]):
        assert tensor.stride() == x.stride()
        assert tensor.dtype == dtype
    if affine:
        for actual, wanted in zip(found[:3], first, strict=True):
            assert_close(actual, wanted.detach(), dtype)
    else:
        assert_close(found[0], first[0].detach(), dtype)
        assert found[1].shape == found[2].shape == (0,)
    for actual, wanted in zip(found[3:], second, strict=False):
        assert_close(actual, torch.zeros_like(actual, dtype=torch.float64) if wanted is None else wanted, dtype)


@pytest.mark.parametrize("given", ["p", "s"])
def test_one_parameter_cotangent_is_enough(given: str, route: str) -> None:
    x, grad, v = (random(2, 4, 3, 3, dtype=torch.float64) for _ in range(3))
    weight, bias, cotangent = (random(4, dtype=torch.float64) for _ in range(3))
    _, mean, rstd = group_norm_act.forward(x, weight, bias, 2, 1e-5, True, 0.0)
    arguments = (grad, x, mean, rstd, weight, bias, 2, True, 0.0)
    zero = torch.zeros_like(cotangent)
    one, both = ((cotangent, None), (cotangent, zero)) if given == "p" else ((None, cotangent), (zero, cotangent))
    for actual, wanted in zip(
        group_norm_act.double_backward(v, *one, *arguments),
        group_norm_act.double_backward(v, *both, *arguments),
        strict=True,
    ):
        torch.testing.assert_close(actual, wanted, rtol=0, atol=0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_large_mean_does_not_spoil_the_variance(layout: str, route: str) -> None:
    x = random(2, 4, 20, 20, layout=layout) + 1e4
    z, mean, rstd = group_norm_act.forward(x, None, None, 2, 1e-5, False, 1.0)
    groups = x.double().reshape(2, 2, -1)
    torch.testing.assert_close(mean.double(), groups.mean(dim=2), rtol=1e-7, atol=0)
    torch.testing.assert_close(rstd.double(), (groups.var(dim=2, correction=0) + 1e-5).rsqrt(), rtol=2e-6, atol=0)
    # What is left is the rounding of a mean of 1e4 to float32.
    torch.testing.assert_close(z.double(), F.group_norm(x.double(), 2), rtol=0, atol=1e-3)


def test_sums_over_a_volume_stay_accurate() -> None:
    x, grad = random(1, 1, 32, 64, 64), random(1, 1, 32, 64, 64) + 1
    _, mean, rstd = group_norm_act.forward(x, None, None, 1, 1e-5, False, 1.0)
    torch.testing.assert_close(
        rstd.double(), (x.double().var(correction=0) + 1e-5).rsqrt().reshape(1, 1), rtol=1e-6, atol=0
    )
    _, _, grad_bias = group_norm_act.backward(grad, x, mean, rstd, None, None, 1, False, 1.0, True)
    torch.testing.assert_close(grad_bias.double(), grad.double().sum().reshape(1), rtol=1e-6, atol=0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nan_spoils_its_own_group_only(layout: str, route: str) -> None:
    x, grad, v = (random(2, 6, 4, 4, layout=layout) for _ in range(3))
    x[1, 2, 0, 3] = float("nan")
    z, mean, rstd = group_norm_act.forward(x, None, None, 3, 1e-5, True, 0.0)
    grad_x, *_ = group_norm_act.backward(grad, x, mean, rstd, None, None, 3, True, 0.0, False)
    cot_grad, cot_x, *_ = group_norm_act.double_backward(v, None, None, grad, x, mean, rstd, None, None, 3, True, 0.0)
    spoilt = torch.zeros(2, 6, 4, 4, dtype=torch.bool, device=DEVICE)
    spoilt[1, 2:4] = True
    for tensor in (z, grad_x, cot_grad, cot_x):
        assert torch.equal(tensor.isnan(), spoilt)


def test_the_same_call_gives_the_same_bits(route: str) -> None:
    x, grad, v = (random(3, 6, 11, 13) for _ in range(3))
    _, mean, rstd = group_norm_act.forward(x, None, None, 2, 1e-5, True, 0.0)
    runs = [group_norm_act.double_backward(v, None, None, grad, x, mean, rstd, None, None, 2, True, 0.0) for _ in "ab"]
    for one, other in zip(*runs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@triton.jit
def _offsets(out_ptr, sample_ptr, channel, position, channels, positions, LAST: tl.constexpr):  # type: ignore[no-untyped-def]
    one = tl.arange(0, 1)
    sample = tl.load(sample_ptr)
    place = offsets(sample, one + channel, one + position, channels, positions, LAST)
    tl.store(out_ptr + one[:, None], place)
    tl.store(out_ptr + 1 + one, group_start(sample, one + channel // 10, channels, positions, 10, LAST))


@pytest.mark.parametrize("last", [False, True], ids=LAYOUTS)
def test_offsets_pass_two_billion(last: bool) -> None:
    n, c, i, channels, positions = 3, 69_990, 68_888, 70_000, 71_000
    out = torch.zeros(2, dtype=torch.int64, device=DEVICE)
    with launch.on_device(out):
        _offsets[(1,)](out, torch.full((1,), n, device=DEVICE), c, i, channels, positions, LAST=last)
    sample = n * channels * positions
    expected = [sample + i * channels + c, sample + c] if last else [sample + c * positions + i, sample + c * positions]
    assert out.tolist() == expected


def test_route_follows_the_size_of_a_group() -> None:
    def chosen(positions: int, operands: int, **other: bool) -> bool:
        return plan.on_chip(plan.Shape(16, 64, positions, 8, False, torch.bfloat16), operands, **other) is not None

    assert chosen(32 * 32, 3)
    assert not chosen(32 * 32, 3, smooth=True)
    assert chosen(64 * 64, 1)
    assert not chosen(64 * 64, 2)


def penalty(grad: Tensor, kind: int) -> Tensor:
    norms = grad.flatten(1).square().sum(dim=1).sqrt()
    excess = [norms - 1.5, F.relu(norms - 1.5), norms / 2**0.5][kind]
    return 10.0 * excess.square().mean()


@pytest.mark.parametrize("kind", range(3), ids=["two_sided", "one_sided", "zero_centred"])
@pytest.mark.parametrize("dtype", TYPES)
def test_penalty_and_its_derivatives_are_those_of_autograd(
    dtype: torch.dtype, kind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "FILL", 4)
    grad, u = (random(5, 3, 23, 41, dtype=dtype, layout="channels_last") / 40 for _ in range(2))
    grad[1] /= 10  # a norm below the target
    scale = torch.tensor(1.7, dtype=wide(dtype), device=DEVICE)
    value, norms = gradient_norm_penalty.forward(grad, kind, 10.0, 1.5)
    out = gradient_norm_penalty.backward(scale, grad, norms, kind, 10.0, 1.5)
    cot_scale, cot_grad = gradient_norm_penalty.double_backward(u, scale, grad, norms, kind, 10.0, 1.5)

    g, c = grad.double().requires_grad_(), scale.double().requires_grad_()
    first = torch.autograd.grad(penalty(g, kind), g, c, create_graph=True)[0]
    second = torch.autograd.grad(first, [c, g], u.double())
    assert value.shape == ()
    assert out.stride() == cot_grad.stride() == grad.stride()
    assert_close(value, penalty(g, kind).detach(), wide(dtype))
    assert_close(norms, grad.double().flatten(1).norm(dim=1), wide(dtype))
    assert_close(out, first.detach(), dtype)
    assert_close(cot_scale, second[0], wide(dtype))
    assert_close(cot_grad, second[1], dtype)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("kind", range(2), ids=["two_sided", "one_sided"])
def test_zero_tiny_and_nan_norms(kind: int) -> None:
    grad = torch.ones(4, 7, device=DEVICE)
    grad[0], grad[1], grad[2, 3] = 0.0, 1e-17, float("nan")
    value, norms = gradient_norm_penalty.forward(grad, kind, 1.0, 1.0)
    out = gradient_norm_penalty.backward(torch.ones((), device=DEVICE), grad, norms, kind, 1.0, 1.0)
    arguments = (torch.ones((), device=DEVICE), grad, norms, kind, 1.0, 1.0)
    cot_scale, cot_grad = gradient_norm_penalty.double_backward(torch.ones_like(grad), *arguments)
    assert value.isnan()
    assert cot_scale.isnan()
    assert out[0].eq(0).all()
    assert cot_grad[0].eq(0).all()
    assert norms.isnan().tolist() == [False, False, True, False]
    for tensor in (out, cot_grad):
        assert tensor.isnan().any(dim=1).tolist() == [False, False, True, False]
        assert tensor[[0, 1, 3]].isfinite().all()


@pytest.mark.parametrize("steps", ["one_step", "several_steps"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", TYPES)
def test_distance_and_gradient_are_the_closed_forms(
    dtype: torch.dtype, layout: str, steps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if steps == "several_steps":
        monkeypatch.setattr(perceptual_distance, "_TILE", 16 * 8 * wide(dtype).itemsize)
    f, target = (random(2, 37, 5, 7, dtype=dtype, layout=layout) for _ in range(2))
    f[0, :, 1] = 0
    weight, grad = random(37, dtype=wide(dtype)), random(2, dtype=wide(dtype))
    assert (perceptual_distance._tile(f)["STEPS"] > 1) == (steps == "several_steps")
    distance, statistics = perceptual_distance.forward(f, target, weight, 1e-10)
    r, along, target_r, _, gap = statistics.unbind()
    gradient = perceptual_distance.backward(grad, f, target, r, target_r, along, gap, weight)

    f, target, weight, grad = (tensor.double() for tensor in (f, target, weight, grad))
    wanted, (r, along, target_r, _, gap) = closed_distance.forward(f, target, weight, 1e-10)
    assert_close(distance, wanted, wide(dtype))
    assert gradient.stride() == f.stride()
    assert_close(gradient, closed_distance.backward(grad, f, target, r, target_r, along, gap, weight), dtype)


@pytest.mark.parametrize("dtype", TYPES)
def test_mixture_has_the_bits_of_the_formula(dtype: torch.dtype) -> None:
    real, fake = (random(3, 2, 41, 29, dtype=dtype, layout="channels_last") for _ in range(2))
    weights = torch.rand(3, dtype=wide(dtype), device=DEVICE)
    share = weights.reshape(-1, 1, 1, 1)
    expected = share * real.to(share.dtype) + (1 - share) * fake.to(share.dtype)
    mixed = interpolate.forward(real, fake, weights)
    assert mixed.stride() == real.stride()
    exactly = {"rtol": 0, "atol": 0} if dtype != torch.bfloat16 or DEVICE == "cuda" else {"rtol": 2**-7, "atol": 0}
    torch.testing.assert_close(mixed, expected.to(dtype), **exactly)


@triton.jit
def _uniform(state_ptr, index_ptr, out_ptr):  # type: ignore[no-untyped-def]
    tl.store(out_ptr, uniform(state_ptr, tl.load(index_ptr)))


def test_known_answers_of_the_generator() -> None:
    assert philox(0, 0) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox(2**128 - 1, 2**64 - 1) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    for every_word, first in ((0, 0x6627E8D5), (-1, 0x408F276D)):
        state = torch.full((2,), every_word, device=DEVICE)
        out = torch.empty((), device=DEVICE)
        with launch.on_device(out):
            _uniform[(1,)](state, state[:1].clone(), out)
        assert out.item() == (first >> 8) * 2.0**-24


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("seed", "offset"),
    [(0, 0), (-123456789012345, (1 << 40) + 7), (2**63 - 1, -1)],
    ids=["zero", "wide_words", "extremes"],
)
def test_random_weights_are_those_of_the_generator(seed: int, offset: int, dtype: torch.dtype) -> None:
    real, fake = random(3, 2500, dtype=dtype), random(3, 2500, dtype=dtype)
    state = torch.tensor([seed, offset], device=DEVICE)
    mixed, weights = interpolate.random(real, fake, state)
    assert weights.dtype == wide(dtype)
    assert weights.tolist() == [philox_weight(seed, offset, sample) for sample in range(3)]
    assert state.tolist() == [seed, offset]
    torch.testing.assert_close(mixed, interpolate.forward(real, fake, weights), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("shape", "sizes"), [((3, 2, 19, 21), [5, 4]), ((1, 2, 8, 12, 13), [3, 11, 5])], ids=["2d", "3d"]
)
def test_similarity_and_its_gradients_are_those_of_autograd(
    shape: tuple[int, ...], sizes: list[int], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = random(*shape, dtype=dtype), random(*shape, dtype=dtype)
    window = sizes, [1.5] * len(sizes), 1e-2, 9e-2
    cotangents = [random(*shape[:2], dtype=wide(dtype)) for _ in range(2)]
    leaves = [each.double().requires_grad_() for each in (x, y)]
    wanted = ssim_reference(*leaves, *window)
    gradients = torch.autograd.grad(wanted, leaves, [each.double() for each in cotangents])
    together = *ssim.forward(x, y, *window), *ssim.backward(*cotangents, x, y, *window, True)
    monkeypatch.setattr(ssim, "_ELEMENTS", 1)  # volumes one by one
    alone = *ssim.forward(x, y, *window), *ssim.backward(*cotangents, x, y, *window, True)
    for got, again, value in zip(together, alone, (*wanted, *gradients), strict=True):
        assert_close(got / value.abs().max(), value.detach() / value.abs().max(), got.dtype)
        assert torch.equal(got, again)
    assert torch.equal(ssim.backward(*cotangents, x, y, *window, False)[0], alone[2])


def test_importing_the_operations_does_not_import_triton() -> None:
    code = "import sys, monai_gan.ops; sys.exit('triton' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
