"""What an evaluation shows beside its table: grey levels, power spectra and nearest real images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from monai_gan.apps.evaluation_sets import MODEL, EvaluationSets
from monai_gan.metrics import intensity_histogram, nearest_images, radial_power_spectrum

#: Names of the reference and of the floor among the curves.
REAL, OTHER_REAL = "real images", "other real images"
HISTOGRAM_BINS = 64
#: Samples that are shown, and real images beside each.
SAMPLES, NEIGHBOURS = 8, 3


def histograms(sets: EvaluationSets) -> dict[str, Any]:
    """Shares of the grey levels of each row, of the reference and of the floor, in plain JSON types."""
    return {
        "bins": HISTOGRAM_BINS,
        "range": [sets.scale.minimum, sets.scale.maximum],
        "rows": _by_row(sets, lambda images: intensity_histogram(images, bins=HISTOGRAM_BINS)),
    }


def spectra(sets: EvaluationSets) -> dict[str, Any]:
    """Radial power spectra of each row, of the reference and of the floor, in plain JSON types; images in [-1, 1]."""
    frequencies, _ = radial_power_spectrum(sets.reference)
    return {
        "frequencies": [round(float(frequency), 6) for frequency in frequencies],
        "unit": "cycles per pixel",
        "rows": _by_row(sets, lambda images: radial_power_spectrum(images)[1]),
    }


def nearest_real_images(sets: EvaluationSets, n: int, max_shift: int) -> dict[str, Any]:
    """The samples that come closest to real images, training images where they are known.

    Args:
        sets: the images.
        n: samples that are looked at.
        max_shift: pixels of translation that are undone.

    Returns:
        In plain JSON types: the shown samples with the places and distances of their neighbours, nearest first, and
        the median distances of all samples and of real images that are not among the neighbours.
    """
    against, name = (sets.reference, "real images") if sets.train is None else (sets.train, "training images")
    others = sets.floor if sets.train is None else sets.reference
    samples = sets.rows[MODEL][:n]
    # The shift is affordable for the few that are shown.
    distances, _ = nearest_images(samples, against)
    real, _ = nearest_images(others, against)
    closest = distances[:, 0].argsort()[:SAMPLES]
    close, places = nearest_images(samples[closest], against, min(NEIGHBOURS, len(against)), max_shift=max_shift)
    order = close[:, 0].argsort()
    return {
        "against": name,
        "count": len(against),
        "samples": len(samples),
        "max_shift": max_shift,
        "median_samples": float(distances[:, 0].median()),
        "median_real": float(real[:, 0].median()),
        "shown": [
            {
                "sample": int(closest[row]),
                "neighbours": places[row].tolist(),
                "distances": [round(float(distance), 6) for distance in close[row]],
            }
            for row in order.tolist()
        ],
    }


def _by_row(sets: EvaluationSets, curve: Callable[[Tensor], Tensor]) -> dict[str, list[float]]:
    everything: Mapping[str, Tensor] = {**sets.rows, REAL: sets.reference, OTHER_REAL: sets.floor}
    return {name: torch.as_tensor(curve(images)).tolist() for name, images in everything.items()}
