"""Scores keep what they promise: percentiles, p-values and thresholds from held-out normal images."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monai_gan.errors import InputError
from monai_gan.metrics import ScoreCalibration


def test_percentile_and_p_value_count_ranks() -> None:
    calibration = ScoreCalibration.of([1, 2, 3, 4])
    assert [calibration.percentile(s) for s in (0, 1, 2.5, 4, 9)] == [0, 12.5, 50, 87.5, 100]
    assert [calibration.p_value(s) for s in (0, 1, 2.5, 4, 9)] == [1, 1, 0.6, 0.4, 0.2]


@pytest.mark.parametrize("rate", [0.2, 0.35, 0.4, 0.6, 0.8])
def test_threshold_and_p_value_agree(rate: float) -> None:
    calibration = ScoreCalibration.of([1, 2, 2, 4])
    for score in np.arange(0, 6, 0.25):
        assert calibration.is_anomalous(score, rate) == (calibration.p_value(score) <= rate + 1e-12)


def test_patients_weigh_the_same_whatever_their_number_of_images() -> None:
    calibration = ScoreCalibration.of([1, 1, 1, 1, 5], ["a", "a", "a", "a", "b"], "patient")
    assert calibration.n == 2
    assert calibration.percentile(3) == 50
    assert calibration.p_value(3) == pytest.approx(2 / 3)


@pytest.mark.parametrize(("rate", "n"), [(0.05, 99), (0.1, 49)])
def test_false_positive_rate_is_the_promised_one_over_random_splits(rate: float, n: int) -> None:
    rng = np.random.default_rng(0)
    scores = rng.gamma(2.0, size=600)
    rates = []
    for _ in range(200):
        order = rng.permutation(len(scores))
        threshold = ScoreCalibration.of(scores[order[:n]]).threshold(rate)
        rates.append((scores[order[n:]] > threshold).mean())
    assert abs(np.mean(rates) - rate) < 0.01


def test_rate_holds_for_new_patients_with_images_alike() -> None:
    rng = np.random.default_rng(1)
    rates = []
    for _ in range(300):
        patients = rng.normal(size=(20, 1)) + 0.2 * rng.normal(size=(20, 8))
        calibration = ScoreCalibration.of(patients[:19].ravel(), np.repeat(range(19), 8), "patient")
        rates.append((patients[19] > calibration.threshold(0.1)).mean())
    assert 0.03 < np.mean(rates) < 0.11


def test_a_rate_that_cannot_be_promised_is_refused() -> None:
    calibration = ScoreCalibration.of(range(19), unit="patient")
    assert calibration.threshold(0.05) == 18
    message = r"rate of 0.01 cannot be promised by 19 patients: give at least 1 / \(19 \+ 1\) = 0.05"
    with pytest.raises(InputError, match=message):
        calibration.threshold(0.01)
    with pytest.raises(InputError, match="less than 1"):
        calibration.threshold(1.0)


def test_metadata_keeps_it() -> None:
    calibration = ScoreCalibration.of([0.5, 0.25, 1.5], ["a", "b", "b"], "patient")
    assert ScoreCalibration.from_dict(json.loads(json.dumps(calibration.as_dict()))) == calibration
    with pytest.raises(InputError, match="lacks 'units'"):
        ScoreCalibration.from_dict({"scores": [1, 2], "unit": "image"})


@pytest.mark.parametrize(
    ("scores", "units", "message"),
    [
        ([], None, r"0 score\(s\) of 0 image\(s\) calibrate nothing"),
        ([1.0], None, r"1 score\(s\) of 1 image\(s\) calibrate nothing"),
        ([1.0, 2.0], ["a", "a"], "of at least two images"),
        ([1.0, float("nan")], None, "NaN or infinite"),
        ([1.0, 2.0], ["a"], "1 units do not fit 2 scores"),
    ],
)
def test_sets_that_calibrate_nothing_are_refused(scores: list[float], units: list[str] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ScoreCalibration.of(scores, units)
