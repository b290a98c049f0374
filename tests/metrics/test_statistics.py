"""Mean and covariance in a stream: equal to those of all features at once, whatever the batches, merges and scales."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import FeatureStatistics, statistics


def assert_moments(statistics: FeatureStatistics, features: Tensor, rtol: float = 1e-10) -> None:
    expected = features.double()
    assert statistics.count == len(features)
    torch.testing.assert_close(statistics.mean, expected.mean(dim=0), rtol=rtol, atol=0)
    covariance = torch.cov(expected.T)
    torch.testing.assert_close(
        statistics.covariance(), covariance, rtol=rtol, atol=rtol * float(covariance.abs().max())
    )
    torch.testing.assert_close(statistics.variances(), covariance.diagonal(), rtol=rtol, atol=0)


@pytest.mark.parametrize("batches", [[5], [1, 4], [30], [3, 9, 50, 1]], ids=["kept", "kept-2", "folded", "mixed"])
def test_batches_equal_all_at_once(batches: list[int]) -> None:
    features = torch.randn(sum(batches), 8) * torch.arange(1, 9)
    statistics = FeatureStatistics()
    for batch in features.split(batches):
        statistics.update(batch)
    assert (statistics.rows() is None) == (len(features) > 8)
    assert_moments(statistics, features)


def test_large_mean_and_small_deviation_keep_their_digits() -> None:
    """In float32, or as E[x^2] - E[x]^2, nothing would be left of a deviation of 1e-3 beside a mean of 1e6."""
    features = 1e6 + 1e-3 * torch.randn(500, 4, dtype=torch.float64)
    statistics = FeatureStatistics()
    for batch in features.split(7):
        statistics.update(batch)
    assert_moments(statistics, features, rtol=1e-5)


@pytest.mark.parametrize(("n", "m"), [(3, 4), (3, 40), (40, 3), (40, 50)])
def test_merge_equals_all_at_once_and_leaves_the_other_alone(n: int, m: int) -> None:
    features = torch.randn(n + m, 6)
    first, second = FeatureStatistics.of(features[:n]), FeatureStatistics.of(features[n:])
    before = second.sha256
    first.merge(second)
    assert_moments(first, features)
    first.update(features)
    assert second.sha256 == before


def test_merging_nothing_changes_nothing() -> None:
    statistics = FeatureStatistics.of(torch.randn(3, 2))
    before = statistics.sha256
    statistics.merge(FeatureStatistics())
    assert statistics.sha256 == before
    empty = FeatureStatistics()
    empty.merge(statistics)
    assert empty.sha256 == before


@pytest.mark.parametrize("n", [3, 20], ids=["kept", "folded"])
def test_state_is_kept_and_told_by_the_checksum(n: int) -> None:
    features = torch.randn(n, 5)
    statistics = FeatureStatistics.of(features)
    again = FeatureStatistics.from_state_dict(statistics.state_dict())
    assert_moments(again, features)
    assert again.sha256 == statistics.sha256
    features[0, 0] += 1e-3
    assert FeatureStatistics.of(features).sha256 != statistics.sha256


def test_the_callers_memory_may_be_used_again() -> None:
    batch = torch.randn(2, 4)
    expected = batch.clone()
    statistics = FeatureStatistics.of(batch)
    batch.zero_()
    assert_moments(statistics, expected)


@pytest.mark.parametrize("strip", [1, 3, 7, 100])
def test_products_of_columns(strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "STRIP", strip)
    rows = torch.randn(5, 7, dtype=torch.float64)
    torch.testing.assert_close(statistics.gram(rows), rows.T @ rows)


def test_unfit_features_are_refused() -> None:
    statistics = FeatureStatistics("y_pred")
    with pytest.raises(InputError, match=r"no features were given; call update\(\) first"):
        statistics.mean.sum()
    statistics.update(torch.randn(30, 4))
    with pytest.raises(InputError, match="5 features per image, not 4; use one extractor"):
        statistics.update(torch.randn(3, 5))
    with pytest.raises(InputError, match="y_pred: 1 of 3 images have features that are NaN or infinite"):
        statistics.update(torch.tensor([[1.0] * 4, [float("nan")] * 4, [0.0] * 4]))
    with pytest.raises(InputError, match="no matrix of features"):
        statistics.update(torch.randn(3, 4, 2))
    with pytest.raises(InputError, match="3 features cannot be merged with 4"):
        statistics.merge(FeatureStatistics.of(torch.randn(2, 3)))
    with pytest.raises(InputError, match=r"\['mean'\] are no statistics"):
        FeatureStatistics.from_state_dict({"mean": torch.zeros(3)})
