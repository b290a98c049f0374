"""The fast form of frozen convolutions against torch's own in float64."""

from __future__ import annotations

import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_gan.networks import frozen_conv
from monai_gan.networks.frozen import freeze
from monai_gan.networks.frozen_conv import FrozenConv2d
from monai_gan.ops import _native, use_backend

native = pytest.mark.skipif(_native.module is None, reason="the compiled module is missing")
#: Batch, channels, results, height, width; sizes that tiles do not divide, and pieces of several sizes.
SHAPES = [(2, 32, 48, 24, 17), (1, 64, 32, 40, 40), (9, 32, 64, 8, 8), (1, 512, 512, 31, 32)]


class Counted:
    """Counts calls of the fast form."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        convolve = frozen_conv.winograd.convolve

        def counting(*arguments: object) -> Tensor:
            self.calls += 1
            return convolve(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(frozen_conv.winograd, "convolve", counting)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def frozen(channels: int, results: int, **options: object) -> FrozenConv2d:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(channels, results, 3, padding=1, **options))  # type: ignore[arg-type]
    freeze(network)
    assert type(network[0]) is FrozenConv2d
    return network[0]


def in_float64(layer: nn.Conv2d, x: Tensor) -> Tensor:
    return F.conv2d(x.double(), layer.weight.double(), None if layer.bias is None else layer.bias.double(), padding=1)


def assert_near(got: Tensor, wanted: Tensor) -> None:
    """Off by at most 2e-5 of the standard deviation anywhere, and by 3e-6 on average."""
    error = (got.double() - wanted).abs() / wanted.std()
    assert error.max() < 2e-5
    assert error.square().mean().sqrt() < 3e-6


@native
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_those_of_float64(
    fast: Counted, shape: tuple[int, ...], layout: torch.memory_format
) -> None:
    batch, channels, results, height, width = shape
    layer = frozen(channels, results)
    x = torch.randn(batch, channels, height, width).contiguous(memory_format=layout).requires_grad_()
    y = layer(x)
    cotangent = torch.randn_like(y)
    (gradient,) = torch.autograd.grad(y, x, cotangent)
    assert fast.calls == 2
    wide = x.detach().double().requires_grad_()
    wanted = in_float64(layer, wide)
    assert_near(y, wanted)
    assert_near(gradient, torch.autograd.grad(wanted, wide, cotangent.double())[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("channels", "results", "kernel", "stride", "padding"),
    [(1, 64, 11, 4, 2), (1, 64, 3, 2, 0), (3, 64, 3, 1, 1), (3, 32, 3, 2, 1), (1, 64, 7, 2, 3)],
)
def test_the_gradient_of_a_layer_that_sees_images(
    channels: int, results: int, kernel: int, stride: int, padding: int, dtype: torch.dtype
) -> None:
    network = nn.Sequential(nn.Conv2d(channels, results, kernel, stride, padding, dtype=dtype))
    freeze(network)
    layer, x = network[0], torch.randn(2, channels, 37, 30, dtype=dtype, requires_grad=True)
    y = layer(x)
    assert type(y.grad_fn).__name__ == "_ByColumnsBackward"
    cotangent = torch.randn_like(y)
    wide = x.detach().double().requires_grad_()
    wanted = F.conv2d(wide, layer.weight.double(), layer.bias.double(), stride, padding)
    torch.testing.assert_close(y.double(), wanted, atol=1e-4 if dtype == torch.float32 else 1e-12, rtol=0)
    error = torch.autograd.grad(y, x, cotangent)[0].double() - torch.autograd.grad(wanted, wide, cotangent.double())[0]
    assert error.abs().max() < (1e-4 if dtype == torch.float32 else 1e-12)


def test_all_derivatives_of_a_layer_that_sees_images() -> None:
    network = nn.Sequential(nn.Conv2d(1, 6, 3, 2, 1, dtype=torch.float64))
    freeze(network)
    x = torch.randn(1, 1, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(network, (x,))
    assert torch.autograd.gradgradcheck(lambda x: network(x).square(), (x,))


@native
def test_a_derivative_of_the_gradient(fast: Counted) -> None:
    layer = frozen(32, 32, bias=False)
    x = torch.randn(1, 32, 24, 24, requires_grad=True)

    def penalty(convolve: object, x: Tensor) -> Tensor:
        (gradient,) = torch.autograd.grad(convolve(x).square().sum(), x, create_graph=True)  # type: ignore[operator]
        return torch.autograd.grad(gradient.square().sum(), x)[0]

    second = penalty(layer, x)
    assert fast.calls > 2
    assert_near(second, penalty(lambda x: in_float64(layer, x), x.detach().double().requires_grad_()))


@native
def test_values_do_not_depend_on_the_number_of_threads() -> None:
    layer, x = frozen(64, 64), torch.randn(2, 64, 33, 31)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = layer(x)
        torch.set_num_threads(3)
        assert torch.equal(layer(x), one)
    finally:
        torch.set_num_threads(threads)


@native
def test_not_a_number_stays_in_its_tiles(fast: Counted) -> None:
    layer, x = frozen(32, 32), torch.randn(1, 32, 32, 32)
    wanted = layer(x)
    x[0, 3, 9, 9] = torch.nan
    got = layer(x)
    assert fast.calls == 2
    assert got[0, :, 8:11, 8:11].isnan().all()
    far = got[..., 13:]
    torch.testing.assert_close(far, wanted[..., 13:])


@pytest.mark.parametrize(
    "case",
    ["float64", "autocast", "few tiles", "thin", "narrow", "stride", "trained", "traced", "vmap", "plain torch"],
)
def test_what_does_not_suit_goes_the_plain_way(fast: Counted, case: str) -> None:
    options: dict[str, object] = {"stride": 2} if case == "stride" else {}
    layer = frozen(16 if case == "narrow" else 32, 32, **options)
    sides = {"few tiles": (16, 16), "thin": (5, 128)}.get(case, (32, 32))
    x = torch.randn(1, layer.in_channels, *sides)
    if case == "float64":
        layer(x.double()) if layer.double() else None
    elif case == "autocast":
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16
    elif case == "trained":
        weight = layer.weight.clone().requires_grad_()
        del layer._buffers["weight"]
        layer.weight = nn.Parameter(weight)
        layer(x).sum().backward()
        assert layer.weight.grad is not None
    elif case == "traced":
        torch.jit.trace(layer, x, check_trace=False)
    elif case == "vmap":
        torch.vmap(layer)(x[None])
    elif case == "plain torch":
        with use_backend("torch"):
            layer(x)
    else:
        torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight, layer.bias, layer.stride, 1))
    assert fast.calls == 0


def test_a_frozen_layer_is_copied_and_pickled() -> None:
    layer, x = frozen(32, 32), torch.randn(1, 32, 32, 32)
    again = pickle.loads(pickle.dumps(layer))
    torch.testing.assert_close(again(x), layer(x))
