"""Diversity of a set of images."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from monai.metrics import MultiScaleSSIMMetric
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import mean_pairwise_distance, ms_ssim_diversity
from monai_gan.metrics.diversity import SCALE_WEIGHTS, scales_for


def smooth(n: int, *size: int) -> Tensor:
    mode = "bilinear" if len(size) == 2 else "trilinear"
    return F.interpolate(torch.randn(n, 1, *(max(s // 8, 2) for s in size)), size=size, mode=mode).tanh()


def test_mean_pairwise_distance_of_three_points() -> None:
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 4.0]]).reshape(3, 1, 1, 2)
    assert mean_pairwise_distance(points) == pytest.approx((5 + 4 + 3) / 3)


def test_ms_ssim_is_monais_mean_over_all_pairs() -> None:
    images = smooth(4, 180, 190)
    metric = MultiScaleSSIMMetric(spatial_dims=2, data_range=2.0)
    pairs = [(i, j) for i in range(4) for j in range(i)]
    expected = torch.stack([metric(images[i : i + 1] + 1, images[j : j + 1] + 1) for i, j in pairs]).mean()
    assert ms_ssim_diversity(images) == pytest.approx(float(expected), rel=1e-3)  # their weights sum to 1.0001


@pytest.mark.parametrize("size", [(64, 64), (28, 40), (16, 16), (8, 8), (24, 24, 20)], ids=str)
def test_any_size_and_the_order_of_diversity(size: tuple[int, ...]) -> None:
    diverse = smooth(12, *size)
    alike = (diverse[:1] + 0.1 * diverse).clamp(-1, 1)
    one = diverse[:1].expand_as(diverse)
    figures = [ms_ssim_diversity(images, pairs=20) for images in (diverse, alike, one)]
    assert 0 <= figures[0] < figures[1] < figures[2] == pytest.approx(1, abs=1e-5)


def test_scales_fit_the_image_and_weights_sum_to_one() -> None:
    assert [len(scales_for(side)[0]) for side in (176, 100, 64, 43, 22, 21, 5)] == [5, 4, 3, 2, 2, 1, 1]
    assert [scales_for(side)[1] for side in (64, 11, 10, 3)] == [11, 11, 9, 3]
    assert scales_for(200)[0] == pytest.approx(SCALE_WEIGHTS, rel=1e-3)
    assert all(sum(scales_for(side)[0]) == pytest.approx(1) for side in (64, 30, 12))


def test_pairs_come_from_the_seed_and_the_scale_of_values_does_not_matter() -> None:
    images = smooth(30, 32, 32)
    found = ms_ssim_diversity(images, pairs=40, seed=1)
    assert found == ms_ssim_diversity(images, pairs=40, seed=1) != ms_ssim_diversity(images, pairs=40, seed=2)
    grey = ms_ssim_diversity(images * 127.5 + 127.5, value_range=(0, 255), pairs=40, seed=1)
    assert grey == pytest.approx(found, rel=1e-3)


@pytest.mark.parametrize(
    ("images", "pairs", "match"),
    [
        (torch.zeros(1, 1, 16, 16), 5, "1 images are too few"),
        (torch.zeros(4, 1, 16, 16), 0, "pairs=0"),
        (torch.full((4, 1, 16, 16), 200.0), 5, r"values from 200 to 200 are outside of value_range=\(-1, 1\)"),
    ],
)
def test_unfit_images_are_refused(images: Tensor, pairs: int, match: str) -> None:
    with pytest.raises(InputError, match=match):
        ms_ssim_diversity(images, pairs=pairs)
