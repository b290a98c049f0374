"""What enhancement is measured on: grids that fit, rivals that are as good as they can be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from benchmarks.degraded_pairs import DEGRADATIONS, NOISE, Degradation, _pair, shown, truncated, zero_filled
from benchmarks.pair_measures import Pair, psnr


def volume(smooth: bool) -> MetaTensor:
    """A periodic image (1, 24, 32, 6) in [-1, 1] of low frequencies, or a ball with edges."""
    axes = torch.meshgrid(*[torch.arange(n) / n for n in (24, 32, 16)], indexing="ij")
    if smooth:
        waves = torch.sin(2 * torch.pi * (2 * axes[0] + 3 * axes[1])) * torch.cos(2 * torch.pi * axes[2])
        return MetaTensor(0.6 * waves[None], affine=torch.eye(4).double())
    radius = torch.stack([axis - 0.5 for axis in axes]).norm(dim=0)
    return MetaTensor(((radius < 0.4).float() * 1.6 - 0.9)[None], affine=torch.eye(4).double())


def pair(degradation: Degradation, smooth: bool = False) -> Pair:
    return _pair(volume(smooth), degradation)


def test_low_frequencies_come_back_by_zero_filling() -> None:
    low = pair(DEGRADATIONS["brain_mri_srgan_x2"], smooth=True)
    assert low.image.shape == (12, 16, 16)
    assert low.spacing == (2.0, 2.0, 1.0)
    np.testing.assert_allclose(zero_filled(low), low.target, atol=1e-5)
    thick = pair(DEGRADATIONS["hippocampus_srgan_x2_3d"], smooth=True)
    assert (thick.image.shape, thick.spacing) == ((24, 32, 8), (1.0, 1.0, 2.0))


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_rivals_fill_the_grid_of_the_target(name: str) -> None:
    found = pair(DEGRADATIONS[name])
    axis = int(np.argmin(np.array(found.image.shape) / found.target.shape))
    for rival in DEGRADATIONS[name].rivals.values():
        result = rival(found)
        assert result.shape == found.target.shape
        # None is shifted: the error would be far larger than by blur or noise.
        assert psnr(result - found.target) > psnr(np.roll(found.target, 1, axis) - found.target) + 1
    assert shown(found).image.shape == found.target.shape


def test_a_magnitude_image_is_not_negative() -> None:
    sharp = MetaTensor((volume(False).as_tensor() + 0.9) / 1.6, affine=torch.eye(4))
    assert truncated(sharp).min() == 0


def test_noise_is_the_same_each_time_and_as_strong_as_stated() -> None:
    degradation = DEGRADATIONS["brain_mri_denoise"]
    first, second = (pair(degradation) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    bright = first.target > 0.5
    assert (first.image - first.target)[bright].std() == pytest.approx(NOISE, rel=0.1)
