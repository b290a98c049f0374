"""Residual blocks: resolution, shortcut, initialisation."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from monai_gan.networks.blocks import ResidualDownBlock, ResidualUpBlock


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("widths", [(4, 4), (4, 6)], ids=["identity_shortcut", "convolved_shortcut"])
def test_shapes(dims, widths):
    x = torch.randn(2, widths[0], *(4,) * dims)
    assert ResidualUpBlock(dims, *widths)(x).shape == (2, widths[1], *(8,) * dims)
    assert ResidualDownBlock(dims, *widths)(x).shape == (2, widths[1], *(2,) * dims)


def test_shortcut_is_what_remains_without_the_residual():
    torch.manual_seed(0)
    up, down = ResidualUpBlock(2, 4, 6), ResidualDownBlock(2, 4, 6)
    for block in (up, down):
        torch.nn.init.zeros_(block.conv2.weight)
    x = torch.randn(2, 4, 6, 6)
    torch.testing.assert_close(up(x), up.shortcut(F.interpolate(x, scale_factor=2.0, mode="nearest")))
    torch.testing.assert_close(down(x), F.avg_pool2d(down.shortcut(x), 2))


@pytest.mark.parametrize("kind", [ResidualUpBlock, ResidualDownBlock])
@pytest.mark.parametrize("norm", [None, "batch"])
def test_activation_in_place_does_not_reach_the_shortcut(kind, norm):
    torch.manual_seed(0)
    x = torch.randn(2, 4, 4, 4)
    plain, in_place = kind(2, 4, 4, norm), kind(2, 4, 4, norm, ("relu", {"inplace": True}))
    in_place.load_state_dict(plain.state_dict())
    torch.testing.assert_close(in_place(x.clone()), plain(x))


def test_convolutions_after_an_activation_start_from_he():
    torch.manual_seed(0)
    block = ResidualUpBlock(2, 64, 64)
    for conv in (block.conv1, block.conv2):
        assert conv.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.03)
