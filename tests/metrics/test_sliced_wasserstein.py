"""Sliced Wasserstein distance: cases that can be worked out by hand, and what it must be able to tell apart."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.metrics import sliced_wasserstein
from monai_gan.metrics.sliced_wasserstein import laplacian_pyramid


def smooth(n: int, *size: int, seed: int = 0) -> Tensor:
    """Images whose neighbouring pixels agree."""
    noise = torch.randn(n, 1, *(s // 4 for s in size), generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, size=size, mode="bilinear" if len(size) == 2 else "trilinear")


@pytest.mark.parametrize("size", [(16, 16), (28, 36), (12, 14, 12)], ids=["2d", "two-levels", "3d"])
def test_zero_for_the_same_set_in_any_order(size: tuple[int, ...]) -> None:
    x = smooth(6, *size)
    assert sliced_wasserstein(x, x.flip(0)) == 0 < sliced_wasserstein(smooth(6, *size, seed=1), x)


def test_shift_of_all_pixels_in_units_of_the_reference() -> None:
    """A shift d moves a projection by d times the sum of a unit vector, whose mean absolute value is sqrt(2 / pi)."""
    y = torch.randn(100, 1, 16, 16)
    found = sliced_wasserstein(y + 0.5, y, projections=1000)
    assert found == pytest.approx(0.5 * math.sqrt(2 / math.pi), rel=0.1)
    assert sliced_wasserstein(10 * y + 5, 10 * y, projections=1000) == pytest.approx(found, rel=1e-3)


def test_pixels_of_right_spread_but_without_structure_are_far() -> None:
    y = smooth(200, 28, 28)
    noise = y.mean(0) + y.std(0) * torch.randn(200, 1, 28, 28)
    assert sliced_wasserstein(noise, y) > 5 * sliced_wasserstein(smooth(200, 28, 28, seed=1), y)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda x: 0.5 * x, id="low-contrast"),
        pytest.param(lambda x: F.avg_pool2d(x, 3, 1, 1), id="blurred"),
        pytest.param(lambda x: x[:1].expand_as(x), id="one-image-again-and-again"),
    ],
)
def test_faults_of_generators_are_seen(spoil: Any) -> None:
    y, again = smooth(100, 28, 28) + 0.1 * torch.randn(100, 1, 28, 28), smooth(100, 28, 28, seed=1)
    again = again + 0.1 * torch.randn(again.shape)
    assert sliced_wasserstein(spoil(again), y) > 3 * sliced_wasserstein(again, y)


def test_unequal_numbers_of_images() -> None:
    y, again = smooth(90, 16, 16), smooth(120, 16, 16, seed=1)
    assert sliced_wasserstein(again, y) == pytest.approx(sliced_wasserstein(again[:90], y), abs=0.03)


def test_pyramid_adds_up() -> None:
    x = smooth(2, 48, 48)
    fine, middle, rest = laplacian_pyramid(x)
    assert [level.shape[-1] for level in (fine, middle, rest)] == [48, 24, 12]
    again = F.interpolate(rest, size=24, mode="bilinear") + middle
    torch.testing.assert_close(F.interpolate(again, size=48, mode="bilinear") + fine, x)


@pytest.mark.parametrize("other", [(1, 1, 8, 8), (4, 1, 8, 9)], ids=["single-image", "other-shape"])
def test_unfit_sets_are_refused(other: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="two or more images each, of one shape"):
        sliced_wasserstein(torch.zeros(4, 1, 8, 8), torch.zeros(other))
