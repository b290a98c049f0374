"""Areas under curves, overlap of regions, and intervals by patient."""

from __future__ import annotations

import numpy as np
import pytest

from monai_gan.errors import InputError
from monai_gan.metrics import Ranking, bootstrap_interval, cluster_weights, dice, region_overlap


def by_pairs(scores: np.ndarray, truth: np.ndarray) -> float:
    """AUROC by its meaning: the share of pairs that are in order, ties counted half."""
    above, below = scores[truth][:, None], scores[~truth][None]
    return float(((above > below) + 0.5 * (above == below)).mean())


@pytest.mark.parametrize("levels", [1000, 5])
def test_auroc_is_the_share_of_pairs_in_order(levels: int) -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.3
    scores = np.round((rng.random(200) + 0.3 * truth) * levels)
    assert Ranking(scores, truth).auroc() == pytest.approx(by_pairs(scores, truth))


def test_average_precision_by_hand_and_ties_count_together() -> None:
    truth = [True, False, True, False]
    assert Ranking([4, 3, 2, 1], truth).average_precision() == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert Ranking([1, 1, 1, 1], truth).average_precision() == pytest.approx(0.5)
    assert Ranking([1, 1, 1, 1], truth).auroc() == pytest.approx(0.5)


def test_weights_are_repetitions_of_images() -> None:
    rng = np.random.default_rng(1)
    images = np.repeat(np.arange(10), 7)
    scores, truth = rng.random(70), rng.random(70) < 0.4
    weights = rng.integers(0, 4, 10)
    rows = np.concatenate([np.flatnonzero(images == i) for i in range(10) for _ in range(weights[i])])
    ranking, repeated = Ranking(scores, truth, images), Ranking(scores[rows], truth[rows])
    assert ranking.auroc(weights) == pytest.approx(repeated.auroc())
    assert ranking.average_precision(weights) == pytest.approx(repeated.average_precision())


def test_region_overlap_counts_small_regions_as_much_as_large_ones() -> None:
    mask = np.zeros((20, 20), bool)
    mask[2:10, 2:10] = mask[15, 15] = True
    body = np.ones_like(mask)
    perfect, half = mask.astype(float), mask.astype(float)
    half[15, 15] = -1.0
    assert region_overlap([perfect], [mask], [body]) == pytest.approx(1.0)
    assert region_overlap([half], [mask], [body]) == pytest.approx(0.5)


def test_dice() -> None:
    assert dice([1, 1, 0, 0], [1, 0, 1, 0]) == 0.5
    assert dice([0, 0], [0, 0]) == 1.0


def test_patients_are_drawn_whole_before_their_images() -> None:
    groups = ["a"] * 10 + ["b"] * 2 + ["c"]
    weights = cluster_weights(groups, 400, seed=3)
    assert (weights.sum(1) >= 3).all()
    assert set(np.unique(weights[:, :10].sum(1) / 10)) <= {0, 1, 2, 3}
    assert np.array_equal(weights, cluster_weights(groups, 400, seed=3))
    assert weights.mean(0) == pytest.approx(np.ones(13), abs=0.2)


def test_interval_of_a_paired_difference() -> None:
    rng = np.random.default_rng(2)
    truth = np.arange(200) % 2 == 0
    good, bad = truth + 0.8 * rng.normal(size=200), truth + 3 * rng.normal(size=200)
    first, second = Ranking(good, truth), Ranking(bad, truth)
    weights = cluster_weights(range(200), 200)
    difference = bootstrap_interval(lambda w: first.auroc(w) - second.auroc(w), weights)
    assert difference.low > 0
    assert difference.mean == pytest.approx(first.auroc() - second.auroc())
    assert difference.low < difference.mean < difference.high
    nothing = bootstrap_interval(lambda w: first.auroc(w) - first.auroc(w), weights)
    assert nothing == (0, 0, 0)


def test_what_cannot_be_ranked_is_refused() -> None:
    with pytest.raises(InputError, match="only one kind"):
        Ranking([1, 2], [True, True])
    with pytest.raises(InputError, match="2 scores do not fit 1 truths"):
        Ranking([1, 2], [True])
    with pytest.raises(InputError, match="NaN or infinite"):
        Ranking([1, np.inf], [True, False])
    empty = np.zeros((4, 4))
    with pytest.raises(InputError, match="nothing to find"):
        region_overlap([empty], [empty], [empty + 1])
    with pytest.raises(InputError, match="limit=0 is no share"):
        region_overlap([empty], [empty], [empty], limit=0)
    assert np.isnan(Ranking([1, 2], [True, False]).auroc(np.array([1, 0])))


def test_the_curve_rises_from_0_to_1_with_ties_as_one_step() -> None:
    alarms, hits = Ranking([3.0, 2.0, 2.0, 1.0], [True, True, False, False]).roc()
    assert alarms.tolist() == [0, 0, 0.5, 1]
    assert hits.tolist() == [0, 0.5, 1, 1]
