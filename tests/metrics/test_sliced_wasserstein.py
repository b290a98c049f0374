"""Sliced Wasserstein distance against cases that can be worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from monai_gan.metrics import sliced_wasserstein


def test_zero_for_the_same_set_in_any_order() -> None:
    x = torch.randn(20, 1, 8, 8)
    assert sliced_wasserstein(x, x.flip(0)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("size", [8, 32], ids=["small", "large"])
def test_shift_of_all_pixels(size: int) -> None:
    """A shift d moves a projection by d times the sum of a unit vector, whose mean absolute value is sqrt(2 / pi)."""
    x = torch.randn(16, 1, size, size)
    found = sliced_wasserstein(x, x + 0.5, projections=4000)
    assert found == pytest.approx(0.5 * math.sqrt(2 / math.pi), rel=0.05)


def test_equals_the_sorted_difference_in_one_dimension() -> None:
    x, y = torch.tensor([0.0, 3.0, 1.0]).reshape(3, 1, 1, 1), torch.tensor([5.0, 4.0, 6.0]).reshape(3, 1, 1, 1)
    assert sliced_wasserstein(x, y) == pytest.approx(11 / 3)


def test_sees_a_lost_mode_and_tolerates_unequal_sizes() -> None:
    real = torch.cat([torch.zeros(50, 1, 8, 8), torch.ones(50, 1, 8, 8)]) + 0.1 * torch.randn(100, 1, 8, 8)
    collapsed = torch.zeros(60, 1, 8, 8) + 0.1 * torch.randn(60, 1, 8, 8)
    again = real[torch.randperm(100)[:60]]
    assert sliced_wasserstein(collapsed, real) > 5 * sliced_wasserstein(again, real)


@pytest.mark.parametrize("other", [(1, 1, 8, 8), (4, 1, 8, 9)], ids=["single-image", "other-shape"])
def test_unfit_sets_are_refused(other: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="two or more images each, of one shape"):
        sliced_wasserstein(torch.zeros(4, 1, 8, 8), torch.zeros(other))
