"""How well scores rank anomalous above normal: areas under curves, ties by average, for any weighting of the images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.integrate import trapezoid

from monai_gan.errors import InputError
from monai_gan.metrics.intervals import Interval


class Ranking:
    """Scores of images or pixels, sorted once, so that figures can be had for many resamplings.

    Args:
        scores: (n,), higher for more anomalous.
        truth: (n,), True for anomalous.
        images: (n,), the number of the image that each belongs to; by default each is an image.

    Raises:
        InputError: the arrays do not fit, a score is not finite, or there is no anomalous or no normal one.
    """

    def __init__(self, scores: Any, truth: Any, images: Any = None) -> None:
        values, is_anomalous = np.asarray(scores, np.float64).ravel(), np.asarray(truth).ravel().astype(bool)
        if values.shape != is_anomalous.shape:
            raise InputError(f"{len(values)} scores do not fit {len(is_anomalous)} truths: give one per score.")
        if not np.isfinite(values).all():
            raise InputError("A score is NaN or infinite: it has no rank.")
        if not 0 < is_anomalous.sum() < len(values):
            raise InputError("Ranks need both anomalous and normal ones: this set has only one kind.")
        order = np.argsort(-values, kind="stable")
        self._truth = is_anomalous[order]
        self._images = (np.arange(len(values)) if images is None else np.asarray(images).ravel())[order]
        falling = values[order]
        self._ends = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)

    def auroc(self, weights: np.ndarray | None = None) -> float:
        """Area under the ROC curve; NaN where the weights leave only one kind.

        Args:
            weights: (N,), of the images.
        """
        hits, alarms = self._counts(weights)
        if not hits[-1] or not alarms[-1]:
            return float("nan")
        return float(trapezoid(*_from_zero(hits, alarms)))

    def roc(self) -> tuple[np.ndarray, ...]:
        """The ROC curve: shares of normal and of anomalous ones above each threshold, both rising from 0 to 1."""
        hits, alarms = self._counts(None)
        return _from_zero(alarms, hits)

    def average_precision(self, weights: np.ndarray | None = None) -> float:
        """Area under precision and recall as a sum of steps, without interpolation; as for :meth:`auroc`."""
        hits, alarms = self._counts(weights)
        if not hits[-1]:
            return float("nan")
        found = np.diff(np.append(0, hits)) / hits[-1]
        shown = np.maximum(hits + alarms, 1e-300)
        return float((found * hits / shown).sum())

    def _counts(self, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Weight of anomalous and of normal ones down to each distinct score."""
        each = np.ones(len(self._truth)) if weights is None else np.asarray(weights, np.float64)[self._images]
        hits, alarms = np.cumsum(each * self._truth), np.cumsum(each * ~self._truth)
        return hits[self._ends], alarms[self._ends]


def _from_zero(*counts: np.ndarray) -> tuple[np.ndarray, ...]:
    """Counts that rise as shares of their last, from 0."""
    return tuple(np.append(0, count) / count[-1] for count in counts)


def region_overlap(maps: Sequence[Any], masks: Sequence[Any], bodies: Sequence[Any], limit: float = 0.3) -> float:
    """PRO: mean share of each connected region that is found, averaged over false-positive rates up to ``limit``.

    Args:
        maps: anomaly maps (*S), higher for more anomalous.
        masks: truth (*S).
        bodies: where pixels count (*S).
        limit: largest share of normal pixels marked (Bergmann et al. 2020 take 0.3).

    Raises:
        InputError: there is no region, or ``limit`` is out of range.
    """
    if not 0 < limit <= 1:
        raise InputError(f"limit={limit} is no share of normal pixels: give more than 0 and at most 1.")
    normal, regions = [], []
    for scores, mask, body in zip(maps, masks, bodies, strict=True):
        values, marked, inside = np.asarray(scores), np.asarray(mask).astype(bool), np.asarray(body).astype(bool)
        normal.append(values[inside & ~marked])
        labels, count = ndimage.label(marked)
        regions += [np.sort(values[labels == number]) for number in range(1, count + 1)]
    if not regions:
        raise InputError("No mask holds a region: there is nothing to find.")
    rates = np.linspace(0, limit, 101)
    thresholds = np.quantile(np.concatenate(normal), 1 - rates)
    found = [1 - np.searchsorted(region, thresholds, side="left") / len(region) for region in regions]
    return float(trapezoid(np.mean(found, axis=0), rates) / limit)


def dice(marked: Any, truth: Any) -> float:
    """Twice the common part over the sum of both; 1 where both are empty."""
    found, wanted = np.asarray(marked).astype(bool), np.asarray(truth).astype(bool)
    total = int(found.sum()) + int(wanted.sum())
    return 2 * int((found & wanted).sum()) / total if total else 1.0


def cluster_weights(groups: Sequence[object], n: int, seed: int = 0) -> np.ndarray:
    """How often each image is drawn when patients, and then images of each, are drawn with replacement.

    Args:
        groups: the patient of each image (N,); each image its own where patients are unknown.
        n: resamplings.
        seed: of the draws.

    Returns:
        Counts (n, N).
    """
    _, patient = np.unique([str(group) for group in groups], return_inverse=True)
    members = [np.flatnonzero(patient == number) for number in range(patient.max() + 1)]
    rng = np.random.Generator(np.random.PCG64(seed))
    counts = np.zeros((n, len(patient)))
    for row in counts:
        for number in rng.integers(len(members), size=len(members)):
            own = members[number]
            np.add.at(row, own[rng.integers(len(own), size=len(own))] if len(own) > 1 else own, 1)
    return counts


def bootstrap_interval(
    figure: Callable[[np.ndarray], float], weights: np.ndarray, level: float = 0.95, whole: float | None = None
) -> Interval:
    """Percentile interval of a figure over resamplings (Efron 1979).

    Given the difference of two detectors as figure it is the paired interval: they differ where it leaves out 0.

    Args:
        figure: of the weights of images.
        weights: (n, N), see :func:`cluster_weights`.
        level: share of such intervals that hold the truth.
        whole: the figure itself; by default with all weights 1.
    """
    values = np.array([figure(row) for row in weights])
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(figure(np.ones(weights.shape[1])) if whole is None else whole, float(low), float(high))
