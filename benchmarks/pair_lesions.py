"""What became of lesions in a volume that a network made: their contrast, and bright spots that are missing or new."""

from __future__ import annotations

from math import prod

import numpy as np
from scipy.ndimage import binary_dilation, distance_transform_edt, label

from benchmarks.pair_measures import Pair

#: Around a lesion, voxels from so many to so many mm away are what it stands out from.
SHELL = (1.5, 6.0)
#: A spot is brighter than the healthy tissue by so many standard deviations, and at least so many mm^3 large.
BRIGHT, LEAST_VOLUME = 2.0, 10.0
LITRE = 1e6


def lesion_figures(result: np.ndarray, pair: Pair) -> dict[str, float]:
    """All figures of lesions by name; the pair must have a lesion mask."""
    error = np.abs(result - pair.target)
    inside, around = lesion_and_shell(pair)
    level = spot_level(pair)
    found, new = spots(result, pair, level)
    in_target, _ = spots(pair.target, pair, level)
    return {
        "mae_lesion": float(error[inside].mean()),
        "mae_outside_lesion": float(error[pair.mask & ~inside].mean()),
        "lesion_contrast": contrast(result, inside, around),
        "lesion_contrast_target": contrast(pair.target, inside, around),
        "lesions_found": found,
        "lesions_found_target": in_target,
        "false_lesions": new,
    }


def lesion_and_shell(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """Voxels of lesions, and those of the tissue around them."""
    lesion = _lesion(pair)
    away = distance_transform_edt(~lesion, pair.spacing)
    return lesion & pair.mask, pair.mask & (away > SHELL[0]) & (away <= SHELL[1])


def contrast(volume: np.ndarray, inside: np.ndarray, around: np.ndarray) -> float:
    """Contrast-to-noise ratio: how many standard deviations of the surroundings a lesion stands out."""
    return float((volume[inside].mean() - volume[around].mean()) / volume[around].std())


def spot_level(pair: Pair) -> float:
    """The brightness from which a voxel of the target stands out of all that is no lesion."""
    healthy = pair.target[pair.mask & ~_lesion(pair)]
    return float(healthy.mean() + BRIGHT * healthy.std())


def spots(volume: np.ndarray, pair: Pair, level: float) -> tuple[float, float]:
    """Bright spots of a volume.

    Returns:
        The share of the lesions that a spot touches, and spots per litre of the mask that touch neither a lesion nor
        what is as bright in the target.
    """
    lesion = _lesion(pair)
    bright = _large(pair.mask & (volume > level), pair)
    lesions, count = label(lesion & pair.mask)
    touched = set(np.unique(lesions[binary_dilation(bright)])) - {0}
    known = binary_dilation(lesion | (pair.mask & (pair.target > level)))
    numbered, number = label(bright)
    old = set(np.unique(numbered[known])) - {0}
    volume_mm = float(pair.mask.sum()) * prod(pair.spacing)
    return len(touched) / count if count else float("nan"), (number - len(old)) * LITRE / volume_mm


def _large(bright: np.ndarray, pair: Pair) -> np.ndarray:
    numbered, _ = label(bright)
    sizes = np.bincount(numbered.ravel()) * prod(pair.spacing)
    sizes[0] = 0
    large: np.ndarray = sizes[numbered] >= LEAST_VOLUME
    return large


def _lesion(pair: Pair) -> np.ndarray:
    if pair.lesion is None:
        raise ValueError("The pair has no lesion mask.")
    return pair.lesion
