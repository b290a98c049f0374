"""Low-dose noise has the size, the place and the streaks that physics gives it."""

from __future__ import annotations

import math

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.transforms import RandLowDoseCT, RandLowDoseCTd
from monai_gan.transforms.low_dose import WATER, back_project, project


def ellipse(radius_y: float, radius_x: float, size: int = 96) -> Tensor:
    position = torch.arange(size) - (size - 1) / 2
    return ((position[:, None] / radius_y) ** 2 + (position / radius_x) ** 2 < 1).float()


def noise(image: Tensor, photons: float, seed: int = 0, **options: float) -> Tensor:
    transform = RandLowDoseCT(photons, **{"spacing": 1.0, **options})  # type: ignore[arg-type]
    transform.set_random_state(seed)
    return transform(image).as_tensor() - image  # type: ignore[no-any-return]


def test_projections_are_line_integrals_and_come_back_as_the_image() -> None:
    image = ellipse(30, 40)
    image[40:50, 40:60] += 0.5
    turns = torch.arange(180) * math.pi / 180
    rays = project(image[None], turns)
    torch.testing.assert_close(rays[0, 0].max(), image.sum(0).max(), rtol=1e-3, atol=0)
    torch.testing.assert_close(rays[0, 90].max(), image.sum(1).max(), rtol=1e-3, atol=0)
    found = back_project(rays, turns, image.shape)[0]
    assert (found - image).abs().mean() < 0.02
    torch.testing.assert_close(found[43:47, 45:55].mean(), torch.tensor(1.5), rtol=0.01, atol=0)
    torch.testing.assert_close(found[30:36, 40:56].mean(), torch.tensor(1.0), rtol=0.01, atol=0)


def test_noise_falls_with_the_root_of_the_photons_and_is_unbiased() -> None:
    water = torch.where(ellipse(40, 40) > 0, 0.0, -1000.0)[None]
    spread = {photons: noise(water, photons) for photons in (1e5, 4e5)}
    centre = (0, slice(40, 56), slice(40, 56))
    assert float(spread[1e5][centre].std() / spread[4e5][centre].std()) == pytest.approx(2, rel=0.2)
    assert abs(float(spread[4e5].mean())) < 1
    # Through the centre a ray passes 80 mm of water; the ramp filter turns the variance of its line integrals into
    # pi^2 / (12 A) times it (Kak and Slaney 1988), less what linear interpolation smooths.
    rays = math.exp(80 * WATER) / 1e5
    expected = math.sqrt(math.pi**2 / 12 / 180 * rays) * 1000 / WATER
    assert 0.4 < float(spread[1e5][centre].std()) / expected < 1.1


def test_thick_directions_are_noisier() -> None:
    flat = torch.where(ellipse(12, 46) > 0, 300.0, -1000.0)[None]
    made = noise(flat, 2e4)[0, 40:56, 30:66]
    # Rays along the long axis are the noisy ones, so that the streaks run along it.
    along, across = (made[:, 1:] - made[:, :-1]).std(), (made[1:] - made[:-1]).std()
    assert across > 1.3 * along


def test_volumes_are_made_slice_by_slice_and_repeat_by_seed() -> None:
    volume = MetaTensor(torch.where(ellipse(20, 20, 48) > 0, 0.0, -1000.0)[None, ..., None].repeat(1, 1, 1, 3))
    transform = RandLowDoseCT(1e4, angles=30)
    first, second = (transform.set_random_state(seed)(volume) for seed in (3, 3))
    assert torch.equal(first, second)
    assert first.shape == volume.shape
    assert not torch.equal(first[..., 0], first[..., 1])
    assert torch.equal(RandLowDoseCT(1e4, prob=0.0)(volume), volume)
    sample = RandLowDoseCTd(["a", "b"], 1e4, angles=30).set_random_state(3)({"a": volume, "b": volume, "c": 1})
    assert torch.equal(sample["a"], sample["b"])
    assert sample["c"] == 1


def test_more_pixels_per_mm_make_more_noise() -> None:
    water = torch.where(ellipse(40, 40) > 0, 0.0, -1000.0)[None]
    centre = (0, slice(40, 56), slice(40, 56))
    # Half the pixel size is also half the path: only the ray's noise relative to the pixel doubles.
    ratio = noise(water, 1e6, spacing=0.5)[centre].std() / noise(water, 1e6)[centre].std()
    assert float(ratio) == pytest.approx(2 * math.exp(-0.5 * 40 * WATER), rel=0.2)


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="photons=0 is not possible"):
        RandLowDoseCT(0)
    with pytest.raises(InputError, match="angles=0"):
        RandLowDoseCT(1e4, angles=0)
    with pytest.raises(InputError, match=r"shape \(2, 2\): give \(C, H, W\)"):
        RandLowDoseCT(1e4)(torch.zeros(2, 2))
    skewed = MetaTensor(torch.zeros(1, 8, 8, 2), affine=torch.diag(torch.tensor([1.0, 2.0, 1.0, 1.0])))
    with pytest.raises(InputError, match="1 x 2 mm are not square"):
        RandLowDoseCT(1e4)(skewed)
