"""Checkerboards, seen as a peak of power at the frequencies of stride-2 sampling."""

from __future__ import annotations

import pytest
import torch

from monai_gan.networks.nets import DCGANGenerator, WGANGenerator

NARROW = {"latent_size": 16, "channels": 8, "max_channels": 32}
BORDER = 8  # pixels left out on each side: zero padding is no checkerboard


def artefact_ratios(make, initialisations=12, images=16):
    """Mean power on the rows and columns of period 2, 4 and 8, relative to the frequencies beside them.

    Returns:
        One ratio per period; about 1 or below for a spectrum that falls off smoothly.
    """
    power = torch.zeros(())
    for seed in range(initialisations):
        torch.manual_seed(seed)
        network = make().train()  # batch statistics: at the start the running ones say nothing
        with torch.no_grad():
            image = network(torch.randn(images, network.latent_size))[:, 0, BORDER:-BORDER, BORDER:-BORDER]
        power = power + torch.fft.fft2(image / image.std()).abs().square().mean(0)
    line = power.mean(0) + power.mean(1)
    half = len(line) // 2
    ratios = []
    for frequency in (half, half // 2, half // 4):
        beside = [frequency - 2, frequency - 1] + ([frequency + 1, frequency + 2] if frequency < half else [])
        ratios.append((line[frequency] / line[beside].mean()).item())
    return ratios


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: DCGANGenerator(2, **NARROW, upsample="resize"), id="dcgan_resize"),
        pytest.param(lambda: WGANGenerator(2, **NARROW), id="wgan"),
    ],
)
def test_resize_convolution_has_no_checkerboard(make):
    assert max(artefact_ratios(make)) < 1.1


def test_transposed_convolution_shows_what_the_statistic_detects():
    nyquist, quarter, _ = artefact_ratios(lambda: DCGANGenerator(2, **NARROW))
    assert nyquist > 5
    assert quarter > 2
