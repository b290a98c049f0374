"""Kernel distance: the formula written out, no bias from few images, and errors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import KIDMetric, kernel_distance, kid


def written_out(x: Tensor, y: Tensor) -> float:
    """Unbiased squared MMD of all images (Gretton 2012, equation 3; kernel of Binkowski 2018)."""

    def k(a: Tensor, b: Tensor) -> float:
        return float((a.double() @ b.double() / len(a) + 1) ** 3)

    n, m = len(x), len(y)
    same_x = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    same_y = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return same_x + same_y - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


def test_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = torch.randn(6, 3), torch.randn(6, 3) + 1
    expected = written_out(x, y)
    assert kernel_distance(x, y, subsets=1, subset_size=6).mean == pytest.approx(expected, rel=1e-10)
    monkeypatch.setattr(kid, "BLOCK", 13)  # two rows of the kernel matrix at a time
    assert kernel_distance(x, y, subsets=3, subset_size=6) == pytest.approx((expected, 0), abs=1e-12)


def test_subsets_are_of_their_size_and_from_the_seed() -> None:
    x, y = torch.randn(40, 5), torch.randn(50, 5) + 0.5
    found = kernel_distance(x, y, subsets=50, subset_size=10, seed=3)
    assert found == kernel_distance(x, y, subsets=50, subset_size=10, seed=3)
    assert found != kernel_distance(x, y, subsets=50, subset_size=10, seed=4)
    assert found.sd > 3 * kernel_distance(x, y, subsets=50, subset_size=38).sd
    state = torch.get_rng_state()
    kernel_distance(x, y)
    assert torch.equal(torch.get_rng_state(), state), "the global generator is left alone"


def test_no_bias_from_few_images() -> None:
    """Two samples of one distribution: the mean over repetitions is 0 within its error, also below zero."""
    found = torch.tensor(
        [kernel_distance(torch.randn(20, 16), torch.randn(20, 16), subsets=5).mean for _ in range(200)]
    )
    assert abs(float(found.mean())) < 4 * float(found.std()) / 200**0.5
    assert (found < 0).any()


def test_tells_faults_apart() -> None:
    y = torch.randn(200, 16)
    floor = kernel_distance(torch.randn(200, 16), y)
    for spoiled in (torch.randn(200, 16) + 0.5, 2 * torch.randn(200, 16), torch.randn(10, 16).repeat(20, 1)):
        assert kernel_distance(spoiled, y).mean > floor.mean + 5 * abs(floor.sd)


def test_batches_and_merges_equal_one_call() -> None:
    x, y = torch.randn(30, 4), torch.randn(30, 4) + 1
    metric, other = KIDMetric(subsets=7, subset_size=9, seed=5), KIDMetric()
    expected = kernel_distance(x, y, subsets=7, subset_size=9, seed=5)
    assert metric(x, y) == expected
    metric.update(x[:10], y[:10])
    other.update(x[10:], y[10:])
    assert metric.merge(other).compute() == expected


@pytest.mark.parametrize(
    ("n", "size", "match"),
    [
        (3, None, "x: 3 images are too few; give at least 4"),
        (20, 30, "subset_size=30 cannot be drawn from 20 images; give one or more, of 2 to 20"),
        (20, 1, "subset_size=1 cannot be drawn"),
    ],
)
def test_unfit_numbers_are_refused(n: int, size: int | None, match: str) -> None:
    with pytest.raises(InputError, match=match):
        kernel_distance(torch.randn(n, 4), torch.randn(30, 4), subset_size=size)


def test_constant_and_missing_features() -> None:
    with pytest.raises(InputError, match="y: all images have the same features"):
        kernel_distance(torch.randn(9, 4), torch.ones(9, 4))
    with pytest.warns(UserWarning, match="x: all images have the same features"):
        kernel_distance(torch.ones(9, 4), torch.randn(9, 4))
    with pytest.raises(InputError, match=r"y_pred: no features were given"):
        KIDMetric().compute()
