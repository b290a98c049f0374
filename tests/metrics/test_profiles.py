from __future__ import annotations

import math

import pytest
import torch

from monai_gan.errors import InputError
from monai_gan.metrics.profiles import intensity_histogram, radial_power_spectrum


def test_a_histogram_counts_shares_and_keeps_what_lies_outside_at_the_ends() -> None:
    images = torch.tensor([-1.0, -0.9, 0.1, 5.0]).view(1, 1, 2, 2)
    assert intensity_histogram(images, bins=4).tolist() == [0.5, 0.0, 0.25, 0.25]


def test_a_histogram_refuses_nan() -> None:
    with pytest.raises(InputError, match="NaN"):
        intensity_histogram(torch.full((1, 1, 4, 4), math.nan))


@pytest.mark.parametrize(
    ("size", "cycles"),
    [
        pytest.param((32, 32), 4, id="square"),
        pytest.param((64, 32), 6, id="long-side-first"),
        pytest.param((16, 16, 16), 5, id="volume"),
    ],
)
def test_a_wave_has_its_power_at_its_frequency(size: tuple[int, ...], cycles: int) -> None:
    wave = torch.sin(2 * math.pi * cycles * torch.arange(size[-1]) / size[-1]).expand(2, 1, *size) + 7
    frequencies, power = radial_power_spectrum(wave)
    assert len(frequencies) == len(power) == min(size) // 2
    assert frequencies[-1] == 0.5
    assert frequencies[power.argmax()].item() == pytest.approx(cycles / size[-1])


def test_white_noise_is_flat_and_its_power_is_its_variance() -> None:
    noise = 3 * torch.randn(200, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    _, power = radial_power_spectrum(noise)
    # The lowest frequencies lose what the subtracted mean takes away.
    assert power[2:].numpy() == pytest.approx(9, rel=0.05)


def test_blur_lowers_high_frequencies_only() -> None:
    noise = torch.randn(50, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    blurred = torch.nn.functional.avg_pool2d(noise, 3, stride=1, padding=1)
    ratio = radial_power_spectrum(blurred)[1] / radial_power_spectrum(noise)[1]
    assert ratio[2] > 0.7
    assert ratio[-1] < 0.1
