"""Conditional batch normalisation and self-attention."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from monai_gan.networks.blocks import ConditionalBatchNorm, ConditionalUpBlock, SelfAttention


@pytest.mark.parametrize("dims", [2, 3])
def test_condition_sets_gain_and_shift(dims):
    torch.manual_seed(0)
    layer = ConditionalBatchNorm(dims, 4, 3)
    x, condition = torch.randn(5, 4, *[6] * dims), torch.randn(5, 3)
    gain, shift = (condition @ layer.affine.weight.t()).reshape(5, 8, *[1] * dims).chunk(2, 1)
    normalised = F.batch_norm(x, None, None, training=True)
    torch.testing.assert_close(layer(x, condition), normalised * (1 + gain) + shift)
    torch.testing.assert_close(layer(x, torch.zeros(5, 3)), normalised)


@pytest.mark.parametrize("dims", [2, 3])
def test_up_block_doubles_and_obeys_its_condition(dims):
    torch.manual_seed(0)
    block = ConditionalUpBlock(dims, 4, 6, 3).eval()
    x = torch.randn(2, 4, *[5] * dims)
    one, other = block(x, torch.zeros(2, 3)), block(x, torch.ones(2, 3))
    assert one.shape == (2, 6, *[10] * dims)
    assert not torch.allclose(one, other)


@pytest.mark.parametrize("dims", [2, 3])
def test_attention_starts_as_identity_and_mixes_distant_pixels(dims):
    torch.manual_seed(0)
    layer = SelfAttention(dims, 16)
    x = torch.randn(2, 16, *[4] * dims)
    assert torch.equal(layer(x), x)
    nn.init.ones_(layer.share)
    x.requires_grad_(True)
    out = layer(x)
    corner = (0, slice(None), *[0] * dims)
    (gradient,) = torch.autograd.grad(out[corner].sum(), x)
    assert gradient[0].flatten(1).abs().sum(0).count_nonzero() > 2**dims, "the corner sees more than its own block"
    assert gradient[1].abs().max() == 0, "images are told nothing of each other"


def test_attention_is_the_weighted_sum_of_the_paper():
    torch.manual_seed(0)
    layer = SelfAttention(2, 16).double()
    nn.init.constant_(layer.share, 0.7)
    x = torch.randn(1, 16, 4, 4, dtype=torch.float64)
    query = layer.query(x)[0].flatten(1)
    key, value = (F.max_pool2d(f(x), 2)[0].flatten(1) for f in (layer.key, layer.value))
    mixed = torch.stack([value @ torch.softmax(key.t() @ query[:, i], 0) for i in range(16)], 1)
    torch.testing.assert_close(layer(x), x + 0.7 * layer.out(mixed.reshape(1, 8, 4, 4)))


def test_attention_can_be_differentiated_twice():
    torch.manual_seed(0)
    layer = SelfAttention(2, 8).double()
    nn.init.ones_(layer.share)
    x = torch.randn(1, 8, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(layer, (x,))
