"""Student's t: quantiles against published tables, intervals against a worked example and by their coverage."""

from __future__ import annotations

import pytest
import torch

from monai_gan.errors import InputError
from monai_gan.metrics import mean_interval
from monai_gan.metrics.intervals import student_t_quantile

# Student's t distribution, table 26.10 of Abramowitz and Stegun (1964) and any textbook: freedom, probability, value.
TABLE = [
    (1, 0.975, 12.706),
    (2, 0.975, 4.303),
    (3, 0.95, 2.353),
    (4, 0.975, 2.776),
    (5, 0.995, 4.032),
    (9, 0.975, 2.262),
    (30, 0.975, 2.042),
    (120, 0.975, 1.980),
]


@pytest.mark.parametrize(("freedom", "probability", "value"), TABLE)
def test_quantiles_of_the_table(freedom: int, probability: float, value: float) -> None:
    assert student_t_quantile(probability, freedom) == pytest.approx(value, abs=6e-4)


def test_half_is_the_middle() -> None:
    assert student_t_quantile(0.5, 3) == pytest.approx(0, abs=1e-9)


def test_interval_by_hand() -> None:
    # Mean 3, standard deviation sqrt(2.5), half width 2.776 * sqrt(2.5 / 5).
    interval = mean_interval([1, 2, 3, 4, 5])
    assert interval == pytest.approx((3, 3 - 1.9634, 3 + 1.9634), abs=1e-3)
    assert mean_interval([2.0, 2.0]) == (2, 2, 2)


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    samples = torch.randn(4000, 5, generator=torch.Generator().manual_seed(0)).tolist()
    held = sum(low <= 0 <= high for _, low, high in (mean_interval(sample, 0.9) for sample in samples))
    assert held / 4000 == pytest.approx(0.9, abs=0.015)


@pytest.mark.parametrize("values", [[], [1.0]], ids=["none", "one"])
def test_too_few_values(values: list[float]) -> None:
    with pytest.raises(InputError, match="repeat with at least two seeds"):
        mean_interval(values)


@pytest.mark.parametrize("level", [0, 1, 1.5])
def test_levels_out_of_range(level: float) -> None:
    with pytest.raises(InputError, match=f"level={level} is"):
        mean_interval([1.0, 2.0], level)
