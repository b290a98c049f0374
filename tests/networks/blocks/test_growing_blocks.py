"""The blocks of growing networks: equalised weights, pixel norm and minibatch standard deviation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from monai_gan.networks.blocks import ConvMeanPool, Equalized, MinibatchStd, PixelNorm, UpsampleConv


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(lambda: nn.Linear(6, 5), id="linear"),
        pytest.param(lambda: nn.Conv2d(6, 5, 3, padding=1), id="conv2d"),
        pytest.param(lambda: nn.Conv3d(6, 5, 1), id="conv3d"),
        pytest.param(lambda: UpsampleConv(2, 6, 5), id="up"),
        pytest.param(lambda: ConvMeanPool(3, 6, 5), id="down"),
    ],
)
def test_equalized_layer_is_the_layer_with_scaled_weights(layer):
    torch.manual_seed(0)
    equalized, plain = Equalized(layer()), layer()
    weight = equalized.layer.weight
    assert abs(float(weight.detach().std()) - 1) < 0.25
    nn.init.normal_(equalized.layer.bias)
    fan_in = weight[0].numel()
    plain.load_state_dict({"weight": weight * math.sqrt(2 / fan_in), "bias": equalized.layer.bias})
    x = torch.randn(3, 6, *[4] * (weight.dim() - 2))
    torch.testing.assert_close(equalized(x), plain(x))


def test_equalized_layers_keep_the_spread_of_what_passes():
    torch.manual_seed(0)
    x = torch.randn(64, 128)
    for _ in range(8):
        x = torch.relu(Equalized(nn.Linear(128, 128))(x))
    assert 0.3 < float(x.detach().square().mean()) < 3


@pytest.mark.parametrize("shape", [(4, 8), (2, 8, 5, 3), (2, 8, 3, 4, 5)], ids=["latents", "2d", "3d"])
def test_pixel_norm_gives_every_pixel_the_mean_square_one(shape):
    x = 7 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(PixelNorm()(x).square().mean(1), torch.ones_like(x[:, 0]))
    assert PixelNorm()(x.bfloat16()).dtype == torch.bfloat16
    assert torch.isfinite(PixelNorm()(torch.zeros(shape))).all()


@pytest.mark.parametrize("dims", [2, 3])
def test_minibatch_std_is_the_mean_deviation_within_a_group(dims):
    x = torch.randn(6, 3, *[4] * dims, generator=torch.Generator().manual_seed(0))
    out = MinibatchStd(group_size=3)(x)
    assert out.shape == (6, 4, *[4] * dims)
    assert torch.equal(out[:, :3], x)
    for i in range(6):
        expected = x[i % 2 :: 2].std(0, unbiased=False).mean()
        torch.testing.assert_close(out[i, 3], expected.expand_as(out[i, 3]), rtol=1e-5, atol=1e-5)


def test_batch_that_fits_no_groups_is_one_group():
    x = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = x.std(0, unbiased=False).mean()
    torch.testing.assert_close(MinibatchStd(4)(x)[:, 3], expected.expand(5, 4, 4), rtol=1e-5, atol=1e-5)


def test_repeated_images_have_no_deviation_and_a_finite_gradient():
    x = torch.ones(4, 3, 4, 4, requires_grad=True)
    out = MinibatchStd()(x)
    assert float(out[:, 3].detach().abs().max()) < 1e-3
    out.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_batch_of_one_cannot_train_and_counts_as_no_deviation_otherwise():
    with pytest.raises(ValueError, match="batch of 1 has no minibatch standard deviation: use a batch_size"):
        MinibatchStd()(torch.zeros(1, 3, 4, 4))
    assert torch.equal(MinibatchStd().eval()(torch.randn(1, 3, 4, 4))[:, 3], torch.zeros(1, 4, 4))
    with pytest.raises(ValueError, match=r"group_size=1 .* give 2 or more"):
        MinibatchStd(1)
