"""Refuse arguments that no image could be made from, before any work is done."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING

from monai_gan.errors import InputError

if TYPE_CHECKING:
    from monai_gan.bundle import BundleInfo

MAX_SEED = 2**63 - 1


def check_count(name: str, value: int) -> None:
    """Refuse what is not a whole number of 1 or more."""
    if _whole(name, value) < 1:
        raise InputError(f"{name}={value} is not possible: give 1 or more.")


def check_seed(seed: int) -> None:
    """Refuse a seed outside 0 .. 2**63 - 1."""
    if not 0 <= _whole("seed", seed) <= MAX_SEED:
        raise InputError(f"seed={seed} is out of range: give a whole number from 0 to {MAX_SEED} (2**63 - 1).")


def check_start(start: int) -> None:
    """Refuse a negative index."""
    if _whole("start", start) < 0:
        raise InputError(f"start={start} is not possible: give 0 or more.")


def _whole(name: str, value: int) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise InputError(f"{name}={value!r} is not a whole number.") from None


def check_truncation(info: BundleInfo, truncation: float) -> None:
    """Refuse a truncation outside (0, 1], and any below 1 when the bundle does not take it."""
    if not (math.isfinite(truncation) and 0 < truncation <= 1):
        raise InputError(f"truncation={truncation:g} is out of range: give a number above 0 and at most 1.")
    if truncation < 1 and not info.extra.get("truncation", True):
        raise InputError(f"truncation={truncation:g} does not work with bundle {info.name!r}: leave it at 1.")


def check_labels(info: BundleInfo, label: int | str | Sequence[int | str] | None, n: int) -> list[int] | None:
    """Turn what a person gave as label into one class number per sample.

    Args:
        info: the bundle; ``labels`` of its metadata names the classes.
        label: None, one label, or one per sample; each a class number or a class name.
        n: number of samples.

    Returns:
        n class numbers, or None for an unconditional bundle.

    Raises:
        InputError: a label where none is taken, none where one is needed, an unknown one, or the wrong number of them.
    """
    names = [str(name) for name in info.extra.get("labels") or ()]
    if not names:
        if label is not None:
            raise InputError(f"label={label!r} is not possible: bundle {info.name!r} takes none; leave it out.")
        return None
    listed = ", ".join(f"{number} ({name})" for number, name in enumerate(names))
    if label is None:
        raise InputError(f"Bundle {info.name!r} needs a label: give one of {listed}.")
    given = [label] if isinstance(label, int | str) else list(label)
    if len(given) not in (1, n):
        raise InputError(f"{len(given)} labels do not fit n={n}: give one label for all samples, or one for each.")
    classes = []
    for one in given:
        number = names.index(one) if one in names else int(one) if str(one).isdecimal() else -1
        if not 0 <= number < len(names):
            raise InputError(f"label={one!r} is unknown to bundle {info.name!r}: give one of {listed}.")
        classes.append(number)
    return classes * n if len(classes) == 1 else classes


def choose_classes(
    info: BundleInfo, label: int | str | Sequence[int | str] | None, n: int, start: int = 0
) -> list[int] | None:
    """The class of each sample of a series: those that were asked for, else all classes in turn.

    Args:
        info, label, n: as in :func:`check_labels`.
        start: index of the first sample; without a label sample i is of class i modulo the number of classes.

    Returns:
        n class numbers, or None for an unconditional bundle.

    Raises:
        InputError: as :func:`check_labels`, but for a missing label.
    """
    count = len(info.extra.get("labels") or ())
    if label is None and count:
        return [(start + i) % count for i in range(n)]
    return check_labels(info, label, n)
