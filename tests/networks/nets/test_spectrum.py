"""Networks at the start of training make no checkerboards, unless they are built with transposed convolutions."""

from __future__ import annotations

import pytest
import torch
from spectrum import artefact_ratios, mean_power

from monai_gan.networks.nets import DCGANGenerator, WGANGenerator

NARROW = {"latent_size": 16, "channels": 8, "max_channels": 32}


def untrained_ratios(make, initialisations=12, images=16):
    """Artefact ratios of the spectrum averaged over several random initialisations."""
    power = torch.zeros(())
    for seed in range(initialisations):
        torch.manual_seed(seed)
        network = make().train()  # batch statistics: at the start the running ones say nothing
        with torch.no_grad():
            power = power + mean_power(network(torch.randn(images, network.latent_size)))
    return artefact_ratios(power)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: DCGANGenerator(2, **NARROW, upsample="resize"), id="dcgan_resize"),
        pytest.param(lambda: WGANGenerator(2, **NARROW), id="wgan"),
    ],
)
def test_resize_convolution_has_no_checkerboard(make):
    assert max(untrained_ratios(make)) < 1.1


def test_transposed_convolution_shows_what_the_statistic_detects():
    nyquist, quarter, _ = untrained_ratios(lambda: DCGANGenerator(2, **NARROW))
    assert nyquist > 5
    assert quarter > 2
