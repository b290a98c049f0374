"""The layers of StyleGAN2: a filter beside a kernel or joined with it, and layouts in memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from benchmarks.stylegan2 import filters
from monai_gan.networks.blocks.style import StyleConv
from monai_gan.networks.blocks.style_layers import EqualConv
from monai_gan.networks.nets import StyleGAN2Discriminator

WAYS = {
    "halve": lambda axes: EqualConv(axes, 3, 4, down=2),
    "halve by one pixel": lambda axes: EqualConv(axes, 3, 4, 1, down=2, bias=False),
    "double": lambda axes: StyleConv(axes, 3, 4, 5, (8,) * axes, up=2),
}


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("way", WAYS)
def test_filters_apart_and_joined_give_the_same(way: str, axes: int) -> None:
    torch.manual_seed(0)
    layer = WAYS[way](axes).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn_like(parameter))
    x = torch.randn(2, 3, *(4 if way == "double" else 8,) * axes, dtype=torch.float64, requires_grad=True)
    inputs = (x, torch.randn(2, 5, dtype=torch.float64)) if way == "double" else (x,)
    results = []
    for joined in (True, False):
        with filters(joined):
            y = layer(*inputs)
            results.append([y, *torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])])
    torch.testing.assert_close(results[0], results[1], rtol=1e-5, atol=1e-5)  # float32 filters


@pytest.mark.parametrize("channels_last", [True, False])
def test_a_discriminator_of_one_channel_keeps_the_layout_of_its_weights(channels_last: bool) -> None:
    discriminator = StyleGAN2Discriminator(2, image_size=16, channels=4, max_channels=8)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    discriminator.to(memory_format=layout)
    seen: list[Tensor] = []
    discriminator.from_image.register_forward_hook(lambda module, inputs, output: seen.append(output))
    discriminator(torch.randn(4, 1, 16, 16))
    assert seen[0].is_contiguous(memory_format=layout)
