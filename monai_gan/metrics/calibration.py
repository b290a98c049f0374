"""What a score means: its place among the scores of held-out normal images, with a promise on false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from monai_gan.errors import InputError

# Sums of shares miss a rate such as 0.05 by rounding alone.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class ScoreCalibration:
    """Scores of normal images that no training has seen, by patient or volume where these are known.

    Images of one person are no independent witnesses, so the unit that is counted is the person: each has the weight 1,
    shared by its images (hierarchical conformal prediction, Lee, Barber and Willett 2023; with an image per unit it is
    the split conformal p-value of Vovk et al. 2005). Where the normal images to come are like those of new units, the
    share of them whose p-value is at most ``rate`` is at most ``rate`` on average.

    Args:
        scores: one per image, higher for more anomalous ones.
        units: what each belongs to; the images themselves where nothing is known.
        unit: what a unit is, for messages and cards: ``"patient"``, ``"volume"``, ``"image"``.

    Raises:
        InputError: fewer than two units, scores that are not finite, or not as many units as scores.
    """

    scores: tuple[float, ...]
    units: tuple[str, ...]
    unit: str = "image"

    def __post_init__(self) -> None:
        if len(self.units) != len(self.scores):
            raise InputError(f"{len(self.units)} units do not fit {len(self.scores)} scores: give one per score.")
        if not np.isfinite(self.scores).all():
            raise InputError("A calibration score is NaN or infinite: the detector is of no use on its own data.")
        if self.n < 2:
            raise InputError(
                f"{len(self.scores)} score(s) of {self.n} {self.unit}(s) calibrate nothing: give held-out normal "
                f"images of at least two {self.unit}s."
            )

    @classmethod
    def of(
        cls, scores: Sequence[float] | np.ndarray, units: Sequence[object] | None = None, unit: str = "image"
    ) -> ScoreCalibration:
        """Calibrate on scores; without units each image is one."""
        numbers = tuple(float(score) for score in scores)
        names = range(len(numbers)) if units is None else units
        return cls(numbers, tuple(str(name) for name in names), unit)

    @property
    def n(self) -> int:
        """Units, the number that a promise rests on."""
        return len(set(self.units))

    @property
    def least_rate(self) -> float:
        """The smallest false-positive rate that so many units allow to promise."""
        return 1 / (self.n + 1)

    def percentile(self, score: float) -> float:
        """Share of the normal scores below this one in percent, ties counted half; from 0 to 100."""
        scores, weights = self._sorted
        below, up_to = (np.searchsorted(scores, score, side=side) for side in ("left", "right"))
        return float(100 * (weights[:below].sum() + weights[below:up_to].sum() / 2) / self.n)

    def p_value(self, score: float) -> float:
        """Conformal p-value: the share of units at least as anomalous, this image counted among them."""
        scores, weights = self._sorted
        return float((1 + weights[np.searchsorted(scores, score, side="left") :].sum()) / (self.n + 1))

    def threshold(self, rate: float) -> float:
        """Scores above it are called anomalous; their p-value is at most ``rate``.

        Raises:
            InputError: the rate is below ``1 / (n + 1)``, which so few units cannot promise, or not below 1.
        """
        if not self.least_rate - _ROUNDING <= rate < 1:
            raise InputError(
                f"A false-positive rate of {rate:g} cannot be promised by {self.n} {self.unit}s: give at least "
                f"1 / ({self.n} + 1) = {self.least_rate:.4g} and less than 1, or calibrate on more of them."
            )
        scores, weights = self._sorted
        above = np.concatenate([weights[::-1].cumsum()[::-1][1:], [0.0]])
        return float(scores[np.argmax((1 + above) / (self.n + 1) <= rate + _ROUNDING)])

    def is_anomalous(self, score: float, rate: float) -> bool:
        """Whether the score lies above the threshold of that rate."""
        return score > self.threshold(rate)

    def as_dict(self) -> dict[str, Any]:
        """The form kept in a bundle's metadata."""
        return {"unit": self.unit, "n": self.n, "scores": list(self.scores), "units": list(self.units)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ScoreCalibration:
        """Read what :meth:`as_dict` gives.

        Raises:
            InputError: a key is missing.
        """
        try:
            return cls.of(values["scores"], values["units"], str(values["unit"]))
        except KeyError as error:
            raise InputError(f"The calibration lacks {error}: give 'scores', 'units' and 'unit'.") from error

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """Scores in rising order, and the weight of each, 1 for a unit."""
        scores = np.asarray(self.scores)
        _, unit, sizes = np.unique(self.units, return_inverse=True, return_counts=True)
        order = np.argsort(scores, kind="stable")
        return _joined(scores[order], (1 / sizes[unit])[order])


def _joined(scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Equal scores as one, with the sum of their weights."""
    values, first = np.unique(scores, return_index=True)
    return values, np.add.reduceat(weights, first)
