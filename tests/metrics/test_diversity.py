"""Diversity of a set of images."""

from __future__ import annotations

import pytest
import torch

from monai_gan.metrics import mean_pairwise_distance


def test_mean_pairwise_distance_of_three_points() -> None:
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 4.0]]).reshape(3, 1, 1, 2)
    assert mean_pairwise_distance(points) == pytest.approx((5 + 4 + 3) / 3)
