"""What the DCGAN paper fixes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_gan.networks.nets import DCGANDiscriminator, DCGANGenerator


def test_the_papers_architecture():
    generator, discriminator = DCGANGenerator(2), DCGANDiscriminator(2)
    transposed = [m for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [m.in_channels for m in transposed] == [512, 256, 128, 64]
    assert {(m.kernel_size, m.stride) for m in transposed} == {((4, 4), (2, 2))}
    convolutions = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [64, 128, 256, 512]
    assert {m.stride for m in convolutions} == {(2, 2)}


def test_no_norm_on_the_image():
    generator, discriminator = DCGANGenerator(2, image_size=12), DCGANDiscriminator(2, image_size=12)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in generator.modules()) == 2  # base and one inner level of two
    assert not any(isinstance(m, nn.BatchNorm2d) for m in generator.to_image.modules())
    assert sum(isinstance(m, nn.BatchNorm2d) for m in discriminator.modules()) == 1
    assert not any(isinstance(m, nn.BatchNorm2d) for m in discriminator.levels[0].modules())


@pytest.mark.parametrize("upsample", ["transposed", "resize"])
def test_weights_start_from_the_papers_distribution(upsample):
    torch.manual_seed(0)
    network = nn.ModuleList([DCGANGenerator(2, image_size=24, upsample=upsample), DCGANDiscriminator(2, image_size=24)])
    for name, parameter in network.named_parameters():
        if parameter.dim() > 1 and parameter.numel() > 5000:
            assert parameter.std().item() == pytest.approx(0.02, rel=0.05), name
            assert abs(parameter.mean().item()) < 0.001, name
        elif name.endswith("bias"):
            assert parameter.abs().max() == 0, name


def test_learned_slope_keeps_its_start():
    network = DCGANDiscriminator(2, image_size=12, act=("prelu", {"init": 0.25}))
    slopes = [m.weight.item() for m in network.modules() if isinstance(m, nn.PReLU)]
    assert slopes == [0.25, 0.25]


def test_unknown_upsample_is_named():
    with pytest.raises(ValueError, match='upsample=\'bilinear\' is unknown: use "transposed" or "resize"'):
        DCGANGenerator(2, image_size=12, upsample="bilinear")


def test_raw_image_without_output_activation():
    torch.manual_seed(0)
    raw = DCGANGenerator(2, image_size=12, channels=4, out_act=None)
    bounded = DCGANGenerator(2, image_size=12, channels=4)
    bounded.load_state_dict(raw.state_dict())
    latents = torch.randn(4, 100)
    torch.testing.assert_close(bounded(latents), raw(latents).tanh())
