"""What a translating network has to beat: the input itself, and the input with the histogram of the target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.pair_measures import TISSUE, Pair


def identity(pair: Pair) -> np.ndarray:
    """The input, unchanged."""
    return pair.image


def inverted_and_matched(pair: Pair, training: Sequence[Pair]) -> np.ndarray:
    """The input with its brightness turned round and given the mean histogram of the training targets.

    Args:
        pair: only its input is looked at.
        training: pairs whose targets tell how the result is distributed.
    """
    shares = np.linspace(0, 1, 512)
    wanted = np.mean([np.quantile(one.target[one.target > TISSUE], shares) for one in training], axis=0)
    shown = pair.image > TISSUE
    brightness = -pair.image[shown]
    result = np.zeros_like(pair.image)
    result[shown] = np.interp(brightness, np.quantile(brightness, shares), wanted)
    return result
