"""Confidence intervals of a mean over few repetitions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from monai_gan.errors import InputError


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval."""

    mean: float
    low: float
    high: float


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Student's t interval of the mean (Student 1908), for values that are about normal.

    Given the differences of two methods on the same repetitions it is the paired interval: methods differ at that level
    when it leaves out zero.

    Args:
        values: one per repetition, at least two.
        level: share of such intervals that hold the true mean, between 0 and 1.

    Raises:
        InputError: there are fewer than two values, or the level is out of range.
    """
    if len(values) < 2:
        raise InputError(f"{len(values)} value(s) have no interval: repeat with at least two seeds.")
    if not 0 < level < 1:
        raise InputError(f"level={level} is no share of intervals: give more than 0 and less than 1, such as 0.95.")
    mean = statistics.fmean(values)
    half = student_t_quantile((1 + level) / 2, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


@cache
def student_t_quantile(probability: float, freedom: int) -> float:
    """The value that a Student t variable stays below with a probability.

    Args:
        probability: from 0.5 up to, but not, 1.
        freedom: degrees of freedom, at least 1.

    Raises:
        InputError: an argument is out of range.
    """
    if not 0.5 <= probability < 1 or freedom < 1:
        raise InputError(f"probability={probability}, freedom={freedom}: give 0.5 to below 1, and 1 or more.")
    low, high = 0.0, 1.0
    while _student_t_cdf(high, freedom) < probability:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_t_cdf(middle, freedom) < probability else (low, middle)
    return high


def _student_t_cdf(t: float, freedom: int) -> float:
    """The distribution function for t of at least 0: Abramowitz and Stegun 1964, equations 26.7.3 and 26.7.4."""
    theta = math.atan(t / math.sqrt(freedom))
    cosine, sine = math.cos(theta), math.sin(theta)
    odd = freedom % 2 == 1
    term, total = (cosine, cosine) if odd else (1.0, 1.0)
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    if not odd:
        return (1 + sine * total) / 2
    return (1 + 2 / math.pi * (theta + (sine * total if freedom > 1 else 0.0))) / 2
