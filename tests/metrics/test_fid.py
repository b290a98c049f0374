"""Fréchet distance: closed forms, MONAI's value, and the warnings and errors that keep it honest."""

from __future__ import annotations

import time
import warnings

import monai.metrics
import pytest
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import FeatureStatistics, FIDMetric, frechet_distance

few = pytest.mark.filterwarnings("ignore:FID of")


def whitened(n: int, size: int) -> Tensor:
    """Features whose sample mean is 0 and whose sample covariance is the identity."""
    x = torch.randn(n, size, dtype=torch.float64)
    x = x - x.mean(dim=0)
    return torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(x.T)), x.T, upper=False).T


def test_closed_form_of_two_normal_distributions() -> None:
    """Diagonal covariances: |m|^2 + sum (s - t)^2."""
    x, scales = whitened(50, 4), torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    shift = torch.tensor([1.0, 0.0, 0.0, 2.0], dtype=torch.float64)
    assert frechet_distance(x * scales + shift, whitened(70, 4)) == pytest.approx(5 + 0 + 1 + 4 + 9)


@few
@pytest.mark.parametrize(
    ("n", "m"), [(12, 12), (12, 30), (30, 12), (12, 200), (200, 12), (200, 300)], ids=lambda n: str(n)
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_monai(n: int, m: int, dtype: torch.dtype) -> None:
    mixing = torch.randn(40, 40, dtype=dtype)
    x, y = torch.randn(n, 40, dtype=dtype) @ mixing + 0.5, torch.randn(m, 40, dtype=dtype)
    expected = monai.metrics.FIDMetric()(x, y)
    found = FIDMetric()(x, y)
    assert found.dtype == torch.float64
    assert found.shape == ()
    torch.testing.assert_close(found, expected.double(), rtol=1e-4, atol=0)


def test_dependent_and_dead_features_are_no_trouble() -> None:
    """Rectified features that are always 0, or copies of each other, make covariances singular."""
    x, y = torch.randn(100, 6).relu(), torch.randn(120, 6).relu() + 0.1
    expected = frechet_distance(x, y)
    dead = frechet_distance(torch.cat([x, torch.zeros(100, 1)], 1), torch.cat([y, torch.full((120, 1), 2.0)], 1))
    assert dead == pytest.approx(expected + 4, rel=1e-6)
    copied = frechet_distance(torch.cat([x, x], 1), torch.cat([y, y], 1))
    assert copied == pytest.approx(2 * expected, rel=1e-6)


@few
@pytest.mark.parametrize("n", [10, 200], ids=["few", "many"])
def test_zero_for_the_same_images_and_never_less(n: int) -> None:
    x = torch.rand(n, 30) * 100
    assert 0 <= frechet_distance(x, x.flip(0)) < 1e-6


@few
@pytest.mark.parametrize("n", [20, 300], ids=["few", "many"])
def test_batches_and_merges_equal_one_call(n: int) -> None:
    x, y = torch.randn(n, 24) * 2 + 1, torch.randn(n + 7, 24)
    expected = FIDMetric()(x, y)
    first, second = FIDMetric(), FIDMetric()
    first.update(x[:5], y[:3])
    first.update(y=y[3:9])
    for batch in x[5:].split(16):
        second.update(y_pred=batch)
    second.update(y=y[9:])
    assert float(first.merge(second).compute()) == pytest.approx(float(expected), rel=1e-9)
    first.reset(keep_reference=True)
    first.update(y_pred=y)
    assert float(first.compute()) < 1e-6
    first.reset()
    with pytest.raises(InputError, match="0 images are too few"):
        first.compute()


def test_statistics_stand_for_features() -> None:
    x, y = torch.randn(50, 3), torch.randn(60, 3)
    assert frechet_distance(x, FeatureStatistics.of(y)) == pytest.approx(frechet_distance(x, y))


@pytest.mark.parametrize(("n", "factor"), [(64, 20), (512, 1.5)], ids=["fewer-than-features", "more"])
def test_is_faster_than_monai(n: int, factor: float) -> None:
    """A loose bound at 400 features; ``benchmarks.fid`` measures at 2048."""
    x, y = torch.randn(n, 400), torch.randn(n, 400) + 1

    def seconds(metric: object) -> float:
        start = time.process_time()
        metric(x, y)  # type: ignore[operator]
        return time.process_time() - start

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ratios = [seconds(monai.metrics.FIDMetric()) / max(seconds(FIDMetric()), 1e-4) for _ in range(3)]
    assert max(ratios) > factor


def test_warns_of_few_images_and_of_a_collapsed_generator() -> None:
    with pytest.warns(UserWarning, match="FID of 5 images and 8 features: with fewer images than features") as caught:
        FIDMetric()(torch.randn(5, 8), torch.randn(20, 8))
    assert caught[0].filename == __file__, "the warning points at the caller"
    with pytest.warns(UserWarning, match="y_pred: all images have the same features: the generator collapsed"):
        collapsed = FIDMetric()(torch.ones(50, 2), whitened(60, 2))
    assert float(collapsed) == pytest.approx(2 + 2)


@pytest.mark.parametrize(
    ("x", "y", "match"),
    [
        (torch.randn(1, 3), torch.randn(9, 3), "x: 1 images are too few; give at least 2"),
        (torch.randn(9, 3), torch.ones(9, 3), "y: all images have the same features, so nothing can be compared"),
        (torch.randn(9, 3), torch.randn(9, 4), "x has 3 features per image and y 4; use one extractor"),
        (
            torch.full((9, 3), float("inf")),
            torch.randn(9, 3),
            "x: 9 of 9 images have features that are NaN or infinite",
        ),
    ],
    ids=["single-image", "constant-reference", "two-extractors", "infinite"],
)
def test_unfit_features_are_refused(x: Tensor, y: Tensor, match: str) -> None:
    with pytest.raises(InputError, match=match):
        frechet_distance(x, y)
