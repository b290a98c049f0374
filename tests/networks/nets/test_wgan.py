"""What the WGAN-GP paper fixes, and what it leaves to a size-free layer norm."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_gan.networks.blocks import ResidualDownBlock, ResidualUpBlock
from monai_gan.networks.nets import WGANCritic, WGANGenerator


def test_widths_of_the_papers_64_pixel_networks():
    ups = [m.conv1 for m in WGANGenerator(2).modules() if isinstance(m, ResidualUpBlock)]
    assert [(m.in_channels, m.out_channels) for m in ups] == [(512, 512), (512, 256), (256, 128), (128, 64)]
    downs = [m.conv2 for m in WGANCritic(2).modules() if isinstance(m, ResidualDownBlock)]
    assert [(m.in_channels, m.out_channels) for m in downs] == [(64, 128), (128, 256), (256, 512), (512, 512)]


def test_critic_has_no_norm_unless_asked():
    norms = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
    assert not any(isinstance(m, norms) for m in WGANCritic(2, image_size=12).modules())


@pytest.mark.parametrize(
    ("dims", "size"), [(2, 28), (2, (24, 40)), (3, (12, 16, 12))], ids=["odd", "not_square", "volume"]
)
def test_layer_norm_serves_any_size_and_keeps_samples_apart(dims, size):
    torch.manual_seed(0)
    critic = WGANCritic(dims, image_size=size, channels=4, max_channels=8, norm="layer").train()
    images = torch.randn(3, 1, *critic.image_size, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(images)[0].sum(), images)
    assert gradient[0].abs().max() > 0
    assert gradient[1:].abs().max() == 0, "the score of one image depends on another"


def test_signal_keeps_its_scale_at_the_start():
    torch.manual_seed(0)
    scores = WGANCritic(2, channels=16, max_channels=64)(torch.randn(16, 1, 64, 64))
    images = WGANGenerator(2, channels=16, max_channels=64)(torch.randn(16, 128))
    assert 0.01 < scores.std() < 10
    assert 0.1 < images.std() < 0.99
