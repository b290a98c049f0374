"""The C++ kernels against autograd in float64, on every instruction set; threads, forks and random numbers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from philox_words import philox
from philox_words import weight as philox_weight
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from monai_gan.ops import _native
from monai_gan.ops.ssim import reference as ssim_reference

if _native.module is None:
    pytest.skip(_native.missing_reason, allow_module_level=True)

from monai_gan.ops._cpu import gradient_norm_penalty, group_norm_act, interpolate, perceptual_distance, ssim

DTYPES = [torch.float64, torch.float32, torch.bfloat16]
# Relative to the largest number of a result.
TOLERANCES = {torch.float64: 1e-11, torch.float32: 2e-5, torch.bfloat16: 1e-2}
SHAPES = [
    pytest.param((1, 1, 17), 1, id="one_channel"),
    pytest.param((3, 8, 1, 1), 2, id="one_pixel"),
    pytest.param((2, 6, 5, 7), 3, id="odd"),
    pytest.param((2, 67, 3, 11), 1, id="no_multiple_of_a_register"),
    pytest.param((3, 32, 8, 8), 32, id="instances"),
    pytest.param((1, 2, 150, 131), 1, id="several_tiles"),
    pytest.param((2, 16, 3, 4, 5), 4, id="3d"),
]
ACTIVATIONS = [pytest.param((False, 0.2), id="leaky_relu"), pytest.param((True, 0.0), id="silu")]
EPS = 1e-3


@pytest.fixture(params=["contiguous", "channels_last"])
def channels_last(request: pytest.FixtureRequest) -> bool:
    return request.param == "channels_last"


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def laid_out(tensor: Tensor, channels_last: bool) -> Tensor:
    """The tensor in a layout; a signal of one spatial axis has only the contiguous one."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    if channels_last and tensor.ndim in formats:
        return tensor.contiguous(memory_format=formats[tensor.ndim])
    return tensor.contiguous()


def full_size(shape: tuple[int, ...], dtype: torch.dtype, channels_last: bool) -> list[Tensor]:
    """x, the gradient of z and the cotangent of the gradient of x."""
    tensors = [torch.randn(shape, dtype=torch.float64) for _ in range(3)]
    tensors[0] = 2 * tensors[0] + 1
    return [laid_out(tensor.to(dtype), channels_last) for tensor in tensors]


def per_channel(channels: int, dtype: torch.dtype) -> list[Tensor]:
    """weight, bias and the cotangents of their gradients."""
    accumulate = torch.float64 if dtype == torch.float64 else torch.float32
    return [torch.randn(channels, dtype=torch.float64).to(accumulate) for _ in range(4)]


def by_autograd(
    x: Tensor, grad: Tensor, v: Tensor, parameters: list[Tensor], groups: int, activation: tuple[bool, float]
) -> dict[str, Tensor]:
    """Values, first and second derivatives in float64."""
    smooth, slope = activation
    x, grad, v, weight, bias, p, s = (tensor.double() for tensor in (x, grad, v, *parameters))
    inputs = [tensor.requires_grad_() for tensor in (grad, x, weight, bias)]
    y = F.group_norm(x, groups, weight, bias, EPS)
    z = F.silu(y) if smooth else F.leaky_relu(y, slope)
    first = torch.autograd.grad(z, inputs[1:], grad, create_graph=True)
    second = torch.autograd.grad(first, inputs, (v, p, s), allow_unused=True, materialize_grads=True)
    names = ("z", "grad_x", "grad_weight", "grad_bias", "cot_grad", "cot_x", "cot_weight", "cot_bias")
    return dict(zip(names, (z, *first, *second), strict=True))


def by_kernels(
    x: Tensor, grad: Tensor, v: Tensor, parameters: list[Tensor], groups: int, activation: tuple[bool, float]
) -> dict[str, Tensor]:
    weight, bias, p, s = parameters
    z, mean, rstd = group_norm_act.forward(x, weight, bias, groups, EPS, *activation)
    saved = grad, x, mean, rstd, weight, bias, groups, *activation
    first = group_norm_act.backward(*saved, True)
    second = group_norm_act.double_backward(v, p, s, *saved)
    names = ("z", "grad_x", "grad_weight", "grad_bias", "cot_grad", "cot_x", "cot_weight", "cot_bias")
    return dict(zip(names, (z, *first, *second), strict=True))


def assert_near(got: Tensor, wanted: Tensor, tolerance: float) -> None:
    scale = max(wanted.abs().max().item(), 1.0)
    torch.testing.assert_close(got.double(), wanted, rtol=0, atol=tolerance * scale, equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("shape", "groups"), SHAPES)
def test_values_and_derivatives_are_those_of_autograd(
    shape: tuple[int, ...], groups: int, activation: tuple[bool, float], dtype: torch.dtype, channels_last: bool
) -> None:
    tensors, parameters = full_size(shape, dtype, channels_last), per_channel(shape[1], dtype)
    got = by_kernels(*tensors, parameters, groups, activation)
    for name, wanted in by_autograd(*tensors, parameters, groups, activation).items():
        if wanted.shape == shape:
            assert got[name].dtype == dtype
            assert got[name].stride() == tensors[0].stride()
        assert_near(got[name], wanted, TOLERANCES[dtype])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_absent_parameters_are_ones_and_zeros(dtype: torch.dtype) -> None:
    tensors, (weight, *_) = full_size((2, 6, 5, 7), dtype, False), per_channel(6, dtype)
    one, zero = torch.ones_like(weight), torch.zeros_like(weight)
    absent = by_kernels(*tensors, [None] * 4, 3, (True, 0.0))  # type: ignore[list-item]
    present = by_kernels(*tensors, [one, zero, zero, zero], 3, (True, 0.0))
    for name, value in present.items():
        assert torch.equal(absent[name], value), name


def test_unwanted_gradients_of_parameters_are_empty() -> None:
    (x, grad, _), (weight, bias, *_) = full_size((2, 6, 5, 7), torch.float32, False), per_channel(6, torch.float32)
    _, mean, rstd = group_norm_act.forward(x, weight, bias, 3, EPS, False, 0.2)
    saved = grad, x, mean, rstd, weight, bias, 3, False, 0.2
    grad_x, grad_weight, grad_bias = group_norm_act.backward(*saved, False)
    assert torch.equal(grad_x, group_norm_act.backward(*saved, True)[0])
    assert grad_weight.shape == grad_bias.shape == (0,)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_statistics_survive_a_large_mean(dtype: torch.dtype, channels_last: bool) -> None:
    x = laid_out((torch.randn(2, 4, 70, 70) + 1e4).to(dtype), channels_last)
    _, mean, rstd = group_norm_act.forward(x, None, None, 2, EPS, False, 0.2)
    variance, wanted = torch.var_mean(x.double().reshape(2, 2, -1), dim=2, correction=0)
    torch.testing.assert_close(mean.double(), wanted, rtol=1e-7, atol=0)
    torch.testing.assert_close(rstd.double(), (variance + EPS).rsqrt(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("which", ["x", "grad", "v"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_fills_its_group_alone(which: str, activation: tuple[bool, float], channels_last: bool) -> None:
    tensors, parameters = full_size((2, 6, 5, 7), torch.float32, channels_last), per_channel(6, torch.float32)
    clean = by_kernels(*tensors, parameters, 3, activation)
    tensors[["x", "grad", "v"].index(which)][0, 2, 1, 1] = float("nan")
    got = by_kernels(*tensors, parameters, 3, activation)
    reached = {"x": ("z", "grad_x", "cot_grad", "cot_x"), "grad": ("grad_x", "cot_x"), "v": ("cot_grad", "cot_x")}
    for name in ("z", "grad_x", "cot_grad", "cot_x"):
        group = got[name][0, 2:4]
        assert group.isnan().all() if name in reached[which] else not group.isnan().any(), name
        rest = torch.ones(2, 6, dtype=torch.bool)
        rest[0, 2:4] = False
        assert torch.equal(got[name][rest], clean[name][rest]), name
    for name in ("cot_weight",) if which == "v" else ("grad_weight", "cot_weight"):
        assert got[name][2:4].isnan().any(), name
        assert not got[name][[0, 1, 4, 5]].isnan().any(), name


@pytest.mark.parametrize(("shape", "groups"), [((1, 2, 150, 131), 1), ((7, 32, 30, 30), 8), ((1, 600, 8, 8), 1)])
def test_threads_change_no_bit(shape: tuple[int, ...], groups: int, channels_last: bool, two_threads: None) -> None:
    tensors, parameters = full_size(shape, torch.float32, channels_last), per_channel(shape[1], torch.float32)
    results = {}
    for threads in (1, 2, 2):
        torch.set_num_threads(threads)
        got = by_kernels(*tensors, parameters, groups, (False, 0.2))
        for name, value in got.items():
            assert torch.equal(results.setdefault(name, value), value), name


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", [0, 1, 2], ids=["two_sided", "one_sided", "zero_centred"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3, 7, 3), (3, 1, 70, 301)], ids=["tiny", "odd", "several_chunks"])
def test_penalty_and_derivatives_are_those_of_autograd(
    shape: tuple[int, ...], kind: int, dtype: torch.dtype, channels_last: bool
) -> None:
    _, grad, u = full_size(shape, dtype, channels_last)
    grad[::2] *= 0.5  # norms on both sides of the target
    target = 0.7 * grad[0].numel() ** 0.5
    out_grad = torch.tensor(1.5, dtype=torch.float64 if dtype == torch.float64 else torch.float32)
    penalty, norms = gradient_norm_penalty.forward(grad, kind, 10.0, target)
    gradient = gradient_norm_penalty.backward(out_grad, grad, norms, kind, 10.0, target)
    cot_out_grad, cot_grad = gradient_norm_penalty.double_backward(u, out_grad, grad, norms, kind, 10.0, target)

    g, seed = grad.double().requires_grad_(), out_grad.double().requires_grad_()
    n = torch.linalg.vector_norm(g.flatten(1), dim=1)
    excess = n - target if kind < 2 else n / 2**0.5
    wanted = 10 * (excess.relu() if kind == 1 else excess).square().mean()
    (first,) = torch.autograd.grad(wanted, g, seed, create_graph=True)
    second = torch.autograd.grad(first, (seed, g), u.double())
    results = penalty, norms, gradient, cot_out_grad, cot_grad
    for got, value in zip(results, (wanted, n, first, *second), strict=True):
        assert_near(got, value, TOLERANCES[got.dtype])
    assert gradient.stride() == cot_grad.stride() == grad.stride()


@pytest.mark.parametrize("kind", [0, 1])
def test_sample_without_gradient_counts_for_nothing(kind: int) -> None:
    grad, u = torch.zeros(2, 3), torch.ones(2, 3)
    grad[1] = 2.0
    norms = gradient_norm_penalty.forward(grad, kind, 10.0, 1.0)[1]
    out_grad = torch.tensor(1.0)
    assert gradient_norm_penalty.backward(out_grad, grad, norms, kind, 10.0, 1.0)[0].tolist() == [0.0] * 3
    cot_grad = gradient_norm_penalty.double_backward(u, out_grad, grad, norms, kind, 10.0, 1.0)[1]
    assert cot_grad[0].tolist() == [0.0] * 3
    assert (cot_grad[1] != 0).all()


def distance_and_gradients(f: Tensor, target: Tensor, weight: Tensor, grad: Tensor) -> tuple[Tensor, ...]:
    distance, (r, along, target_r, target_along, gap) = perceptual_distance.forward(f, target, weight, 1e-10)
    to_f = perceptual_distance.backward(grad, f, target, r, target_r, along, gap, weight)
    return distance, to_f, perceptual_distance.backward(grad, target, f, target_r, r, target_along, -gap, weight)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(2, 3, 1, 1), (2, 67, 5, 7), (1, 6, 90, 91), (2, 5, 3, 4, 5)], ids=str)
def test_distance_and_gradients_are_those_of_autograd(
    shape: tuple[int, ...], dtype: torch.dtype, channels_last: bool
) -> None:
    f, target, _ = full_size(shape, dtype, channels_last)
    weight, grad = per_channel(shape[1], dtype)[0], per_channel(shape[0], dtype)[0]
    got = distance_and_gradients(f, target, weight, grad)
    inputs = [tensor.double().requires_grad_() for tensor in (f, target)]
    one, other = (x / (x.norm(dim=1, keepdim=True) + 1e-10) for x in inputs)
    wanted = torch.einsum("c,nc...->n...", weight.double(), (one - other).square()).flatten(1).mean(1)
    for value, expected in zip(got, (wanted, *torch.autograd.grad(wanted, inputs, grad.double())), strict=True):
        scale = expected.detach().abs().max()
        assert_near(value / scale, expected.detach() / scale, TOLERANCES[value.dtype])
    assert got[1].stride() == f.stride()


def test_threads_change_no_bit_of_a_distance(channels_last: bool, two_threads: None) -> None:
    f, target, _ = full_size((3, 40, 70, 51), torch.float32, channels_last)
    weight, grad = per_channel(40, torch.float32)[0], per_channel(3, torch.float32)[0]
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        results.append(distance_and_gradients(f, target, weight, grad))
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5, 7), (2, 3, 90, 91)], ids=["tiny", "odd", "several_chunks"])
def test_mixture_has_the_bits_of_its_definition(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    _, real, fake = full_size(shape, dtype, False)
    weights = per_channel(shape[0], dtype)[0]
    share = weights.reshape(-1, *(1,) * (real.ndim - 1))
    wanted = share * real.to(share.dtype) + (1 - share) * fake.to(share.dtype)
    assert torch.equal(interpolate.forward(real, fake, weights), wanted.to(dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("shape", "sizes"), [((2, 3, 19, 21), [5, 4]), ((1, 2, 7, 20, 35), [3, 11, 5])], ids=["2d", "3d"]
)
def test_similarity_and_its_gradients_are_those_of_autograd(
    shape: tuple[int, ...], sizes: list[int], dtype: torch.dtype, two_threads: None
) -> None:
    x, y, _ = full_size(shape, dtype, False)
    window = sizes, [1.5] * len(sizes), 1e-2, 9e-2
    to_similarity, to_contrast = (each.reshape(shape[:2]) for each in per_channel(shape[0] * shape[1], dtype)[:2])
    leaves = [each.double().requires_grad_() for each in (x, y)]
    wanted = ssim_reference(*leaves, *window)
    total = (to_similarity * wanted[0] + to_contrast * wanted[1]).sum()
    results = *ssim.forward(x, y, *window), *ssim.backward(to_similarity, to_contrast, x, y, *window, True)
    for got, value in zip(results, (*wanted, *torch.autograd.grad(total, leaves)), strict=True):
        assert_near(got / value.abs().max(), value / value.abs().max(), TOLERANCES[got.dtype])
    alone, nothing = ssim.backward(to_similarity, to_contrast, x, y, *window, False)
    assert torch.equal(alone, results[2])
    assert nothing.shape == (0,)


def test_philox_has_the_published_known_answers() -> None:
    assert philox(0, 0) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox(2**128 - 1, 2**64 - 1) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("seed", "offset"), [(0, 0), (2**40 + 17, 3), (-1, 2**33)], ids=["zero", "large", "negative"])
def test_random_weights_are_those_of_philox(seed: int, offset: int, dtype: torch.dtype) -> None:
    _, real, fake = full_size((37, 3), dtype, False)
    state = torch.tensor([seed, offset])
    mixed, weights = interpolate.random(real, fake, state)
    assert weights.tolist() == [philox_weight(seed, offset, sample) for sample in range(37)]
    assert torch.equal(mixed, interpolate.forward(real, fake, weights))
    assert state.tolist() == [seed, offset]


def in_new_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    variables = {**os.environ, **environment}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=300)


def test_instruction_set_in_use_is_the_one_asked_for() -> None:
    possible = _native.module.cpu_isas()
    assert possible[0] == "baseline"
    assert _native.module.cpu_isa() == os.environ.get("MONAI_GAN_CPU_ISA", possible[-1])


@pytest.mark.parametrize("isa", _native.module.cpu_isas())
def test_every_instruction_set_passes(isa: str) -> None:
    if isa == _native.module.cpu_isa():
        pytest.skip("this process uses it")
    selection = "autograd or definition or large_mean or nan or asked_for"
    result = in_new_process("-m", "pytest", "-q", "-k", selection, str(Path(__file__)), MONAI_GAN_CPU_ISA=isa)
    assert result.returncode == 0, result.stdout


def test_unknown_instruction_set_is_refused_by_name() -> None:
    code = "from monai_gan.ops import _native; _native.module.cpu_isa()"
    result = in_new_process("-c", code, MONAI_GAN_CPU_ISA="abacus")
    assert result.returncode == 1
    assert "ValueError: MONAI_GAN_CPU_ISA=abacus" in result.stderr
    assert "baseline" in result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_torch_and_the_kernels_share_one_openmp_runtime() -> None:
    code = """
from monai_gan.ops import _native
import torch
from monai_gan.ops._cpu import interpolate
torch.set_num_threads(2)
interpolate.forward(torch.ones(8, 99999), torch.zeros(8, 99999), torch.ones(8))
print(open("/proc/self/maps").read())
"""
    result = in_new_process("-c", code)
    assert result.returncode == 0, result.stderr
    assert len(set(re.findall(r"/\S*/lib[gi]?omp\S*", result.stdout))) <= 1


class Mixtures(Dataset):
    """Calls a kernel where the data are made, as a transform would."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Tensor:
        return interpolate.forward(torch.full((4, 99999), 2.0), torch.zeros(4, 99999), torch.full((4,), 0.5))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forked_workers_do_not_wait_for_threads_of_their_parent(two_threads: None) -> None:
    dataset = Mixtures()
    assert (dataset[0] == 1).all()
    workers = DataLoader(dataset, batch_size=2, num_workers=2, multiprocessing_context="fork", timeout=60)
    assert all((batch == 1).all() for batch in workers)
    assert (dataset[0] == 1).all()
