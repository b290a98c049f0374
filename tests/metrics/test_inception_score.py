"""Inception score: its two ends, a case by hand, and errors."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import inception_score


def test_best_worst_and_between() -> None:
    sure_and_diverse = torch.eye(5).repeat(20, 1)
    assert inception_score(sure_and_diverse) == pytest.approx((5, 0))
    assert inception_score(torch.full((100, 5), 0.2)) == pytest.approx((1, 0))
    assert inception_score(torch.eye(5)[:1].repeat(100, 1)) == pytest.approx((1, 0))
    rows = torch.tensor([[0.9, 0.1], [0.3, 0.7]])
    information = 0.5 * sum(p * math.log(p / q) for row in rows.tolist() for p, q in zip(row, (0.6, 0.4), strict=True))
    assert inception_score(rows, splits=1) == pytest.approx((math.exp(information), 0), rel=1e-6)


def test_splits_are_consecutive_parts() -> None:
    half_and_half = torch.cat([torch.eye(2)[:1].repeat(10, 1), torch.eye(2).repeat(5, 1)])
    assert inception_score(half_and_half, splits=2) == pytest.approx((1.5, 0.5))


@pytest.mark.parametrize(
    ("probabilities", "splits", "match"),
    [
        (torch.randn(20, 4), 2, r"pass softmax\(logits, dim=1\)"),
        (torch.full((20, 4), 0.3), 2, "do not sum to 1"),
        (torch.full((5, 4), 0.25), 10, "5 images are too few; give at least 10"),
        (torch.full((5, 4), 0.25), 0, "splits=0"),
        (torch.full((5, 4), float("nan")), 1, "NaN"),
    ],
)
def test_unfit_probabilities_are_refused(probabilities: Tensor, splits: int, match: str) -> None:
    with pytest.raises(InputError, match=match):
        inception_score(probabilities, splits)
