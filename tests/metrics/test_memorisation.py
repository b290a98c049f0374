"""Memorisation: copies are found, an honest generator is at one half, and the ranges mean what they say."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import memorisation, memorisation_pixels
from monai_gan.metrics.memorisation import wilson_interval


def smooth(n: int, seed: int) -> Tensor:
    noise = torch.randn(n, 1, 5, 5, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, size=(16, 16), mode="bicubic")


@pytest.mark.parametrize("held_out", [60, 200, 300], ids=["parts", "equal", "more-held-out"])
def test_an_honest_generator_is_within_chance(held_out: int) -> None:
    found = memorisation(torch.randn(300, 6), torch.randn(200, 6), torch.randn(held_out, 6))
    assert (found.samples, found.block_size, found.blocks) == (300, min(held_out, 200), max(200 // held_out, 1))
    assert found.chance[0] <= found.share <= found.chance[1]
    assert found.chance[0] < 0.5 < found.chance[1]
    assert found.interval[0] < found.share < found.interval[1]


def test_copies_of_training_images_are_found() -> None:
    train, held_out = torch.randn(100, 6), torch.randn(100, 6)
    copies = train + 0.01 * torch.randn(100, 6)
    assert memorisation(copies, train, held_out).share == 1
    assert memorisation(copies, held_out, train).share == 0
    half = memorisation(torch.cat([copies, torch.randn(100, 6)]), train, held_out)
    assert half.share == pytest.approx(0.75, abs=0.07)
    assert half.share > half.chance[1]


def test_a_copy_of_one_image_in_many_parts_still_shows() -> None:
    train, held_out = torch.randn(800, 6), torch.randn(100, 6)
    found = memorisation(train[torch.randperm(800)[:400]], train, held_out)
    assert found.blocks == 8
    assert found.share == pytest.approx(1 / 8 + 7 / 8 * 0.5, abs=0.08)
    assert found.share > 0.53


def test_ties_count_half() -> None:
    same = torch.randn(20, 3)
    assert memorisation(torch.randn(50, 3), same, same).share == 0.5


def test_shifted_copies_are_found_in_pixels_after_alignment_only() -> None:
    train, held_out = smooth(40, 1), smooth(40, 2)
    copies = train.roll((2, -2), dims=(2, 3))
    assert memorisation_pixels(copies, train, held_out, max_shift=2).share == 1
    assert memorisation_pixels(copies, train, held_out, max_shift=0).share < 0.95
    honest = memorisation_pixels(smooth(200, 3), train, held_out)
    assert honest.chance[0] <= honest.share <= honest.chance[1]


def test_the_same_seed_gives_the_same_figures() -> None:
    sets = torch.randn(30, 4), torch.randn(50, 4), torch.randn(20, 4)
    assert memorisation(*sets, seed=1) == memorisation(*sets, seed=1) != memorisation(*sets, seed=2)


def test_interval_of_a_share() -> None:
    """Wilson's interval of 5 in 10, from the textbook."""
    assert wilson_interval(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson_interval(0.0, 10)[0] == 0
    assert wilson_interval(1.0, 10) == pytest.approx((0.7225, 1), abs=1e-4)


def test_unfit_sets_are_refused() -> None:
    x = torch.randn(9, 3)
    with pytest.raises(InputError, match="train: 1 images are too few"):
        memorisation(x, x[:1], x)
    with pytest.raises(InputError, match="train: 4 features per image, not 3"):
        memorisation(x, torch.randn(9, 4), x)
    with pytest.raises(InputError, match="held_out: all images have the same features"):
        memorisation(x, x, torch.ones(9, 3))
    images = smooth(3, 0)
    with pytest.raises(InputError, match=r"train: images of \(1, 8, 8\) beside held-out images of \(1, 16, 16\)"):
        memorisation_pixels(images, torch.zeros(3, 1, 8, 8), images)
    with pytest.raises(InputError, match="fake: the images hold NaN"):
        memorisation_pixels(images * float("nan"), images, images)
