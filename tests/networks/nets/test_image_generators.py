"""What the generators from image to image promise."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from monai_gan.networks.blocks import GroupNormAct
from monai_gan.networks.nets import ResNetGenerator, RRDBNet, SRResNet, UNetGenerator

SAME = [
    pytest.param(UNetGenerator, {"features": (4, 4, 8, 8, 8, 4)}, id="unet"),
    pytest.param(ResNetGenerator, {"channels": 4, "num_blocks": 2}, id="resnet"),
]
LARGER = [
    pytest.param(SRResNet, {"channels": 4, "num_blocks": 2}, id="srresnet"),
    pytest.param(RRDBNet, {"channels": 4, "growth": 2, "num_blocks": 1}, id="rrdb"),
]
ALL = [*SAME, *LARGER]


def build(kind: Callable[..., nn.Module], spatial_dims: int, arguments: dict[str, Any], **more: Any) -> nn.Module:
    torch.manual_seed(0)
    return kind(spatial_dims, **arguments, **more).eval()


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize(("kind", "arguments"), SAME)
def test_translation_keeps_the_size_and_takes_slices_as_channels(kind, arguments, spatial_dims):
    network = build(kind, spatial_dims, arguments, in_channels=3, out_channels=2)
    image = torch.randn(2, 3, *(32, 48, 32)[:spatial_dims])
    result = network(image)
    assert result.shape == (2, 2, *image.shape[2:])
    assert result.abs().max() <= 1


@pytest.mark.parametrize("scale_factor", [2, 4])
@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize(("kind", "arguments"), LARGER)
def test_super_resolution_multiplies_every_axis(kind, arguments, spatial_dims, scale_factor):
    network = build(kind, spatial_dims, arguments, scale_factor=scale_factor)
    result = network(torch.randn(1, 1, *(6, 5, 7)[:spatial_dims]))
    assert result.shape[2:] == tuple(scale_factor * s for s in (6, 5, 7)[:spatial_dims])


@pytest.mark.parametrize(("kind", "arguments"), LARGER)
def test_super_resolution_of_some_axes(kind, arguments):
    network = build(kind, 3, arguments, scale_factor=(1, 2, 4))
    image = torch.randn(1, 1, 6, 5, 7)
    result = network(image)
    assert result.shape[2:] == (6, 10, 28)
    torch.testing.assert_close(torch.jit.script(network)(image), result)
    for wrong in ((2, 2), (1, 1, 3)):
        with pytest.raises(ValueError, match="scale_factor"):
            build(kind, 3, arguments, scale_factor=wrong)


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize(("kind", "arguments"), LARGER)
def test_what_is_added_to_is_the_interpolation_in_place(kind, arguments, spatial_dims):
    network = build(kind, spatial_dims, arguments)
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    # A ramp, of which a linear interpolation with half-pixel centres knows every inner value.
    ramp = torch.arange(8.0).reshape(1, 1, 8, *[1] * (spatial_dims - 1)).expand(1, 1, *[8] * spatial_dims)
    line = network(ramp)[(0, 0, slice(None), *[8] * (spatial_dims - 1))]
    torch.testing.assert_close(line[1:-1], (torch.arange(16) * 0.5 - 0.25)[1:-1])


@pytest.mark.parametrize(("kind", "arguments"), ALL)
def test_scripted_network_and_its_state_dict_give_the_same(kind, arguments):
    network, other = build(kind, 2, arguments), kind(2, **arguments).eval()
    image = torch.randn(1, 1, 32, 32)
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    torch.testing.assert_close(other(image), network(image))
    torch.testing.assert_close(torch.jit.script(network)(image), network(image), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "arguments"), ALL)
def test_gradient_reaches_every_weight(kind, arguments):
    network = build(kind, 2, arguments).train()
    network(torch.randn(2, 1, 32, 32)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(("kind", "arguments"), SAME)
def test_norms_are_fused_and_flat_images_show_no_checkerboard(kind, arguments):
    network = build(kind, 2, arguments)
    assert any(isinstance(module, GroupNormAct) for module in network.modules())
    # Far from the border, whose zeros a U-Net carries inwards.
    inner = network(torch.full((1, 1, 256, 256), 0.3))[0, 0, 124:132, 124:132]
    assert (inner - inner.mean()).abs().max() < 1e-3


def test_unknown_numbers_are_named():
    with pytest.raises(ValueError, match="spatial_dims=1 is not supported"):
        UNetGenerator(1)
    with pytest.raises(ValueError, match=r"features=\(4, 4\) has 2 widths: give 6"):
        UNetGenerator(2, features=(4, 4))
    with pytest.raises(ValueError, match="num_blocks=0 is not possible"):
        ResNetGenerator(2, num_blocks=0)
    with pytest.raises(ValueError, match="scale_factor=3 cannot be reached by doublings"):
        SRResNet(2, scale_factor=3)
    with pytest.raises(ValueError, match="in_channels=3 cannot be added to out_channels=1: pass interpolate=False"):
        RRDBNet(2, in_channels=3)
    with pytest.raises(ValueError, match=r"shape \[1, 2, 8, 8\] does not fit spatial_dims=2 and in_channels=1"):
        SRResNet(2, channels=4, num_blocks=1)(torch.zeros(1, 2, 8, 8))
    with pytest.raises(ValueError, match="label was given"):
        SRResNet(2, channels=4, num_blocks=1)(torch.zeros(1, 1, 8, 8), torch.zeros(1))
