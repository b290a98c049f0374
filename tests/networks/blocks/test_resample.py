"""The joined convolutions equal the two steps that they stand for."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from monai_gan.networks.blocks import ConvMeanPool, UpsampleConv

CONV = {2: F.conv2d, 3: F.conv3d}
POOL = {2: F.avg_pool2d, 3: F.avg_pool3d}
SHAPES = [
    pytest.param((2, 3, 4, 6), id="2d"),
    pytest.param((1, 3, 4, 6, 2), id="3d"),
    pytest.param((2, 3, 2, 2), id="all_border"),
]


def two_steps(layer, x):
    dims = x.dim() - 2
    if isinstance(layer, UpsampleConv):
        return CONV[dims](F.interpolate(x, scale_factor=2.0, mode="nearest"), layer.weight, layer.bias, padding=1)
    return POOL[dims](CONV[dims](x, layer.weight, layer.bias, padding=1), 2)


@pytest.mark.parametrize("kind", [UpsampleConv, ConvMeanPool])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
def test_values_and_gradients_equal_two_steps(kind, shape, bias):
    torch.manual_seed(0)
    layer = kind(len(shape) - 2, 3, 5, bias=bias).double()
    if bias:
        torch.nn.init.normal_(layer.bias)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    inputs = [x, *layer.parameters()]
    joined, expected = layer(x), two_steps(layer, x)
    torch.testing.assert_close(joined, expected)
    cotangent = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(joined, inputs, cotangent), torch.autograd.grad(expected, inputs, cotangent)
    )


@pytest.mark.parametrize("kind", [UpsampleConv, ConvMeanPool])
@pytest.mark.parametrize("dims", [2, 3])
def test_second_derivatives(kind, dims):
    torch.manual_seed(0)
    layer = kind(dims, 2, 2).double()
    x = torch.randn(1, 2, *(2,) * dims, dtype=torch.float64, requires_grad=True)
    weight = layer.weight.detach().requires_grad_()

    def squared(x, weight):
        return torch.func.functional_call(layer, {"weight": weight}, x) ** 2

    assert torch.autograd.gradgradcheck(squared, (x, weight), fast_mode=True)


def test_channels_last_stays():
    x = torch.randn(2, 8, 8, 8).to(memory_format=torch.channels_last)
    for kind in (UpsampleConv, ConvMeanPool):
        layer = kind(2, 8, 8).to(memory_format=torch.channels_last)
        assert layer(x).is_contiguous(memory_format=torch.channels_last)


def test_flat_input_gives_a_flat_interior():
    torch.manual_seed(0)
    y = UpsampleConv(2, 4, 3)(torch.ones(1, 4, 8, 8))[..., 2:-2, 2:-2]
    torch.testing.assert_close(y, y[..., :1, :1].expand_as(y))
