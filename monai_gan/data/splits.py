"""Splits into training, validation and test part that keep all images of one person together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monai_gan.errors import InputError

SPLITS = ("train", "val", "test")


def split_by_subject(
    subjects: Sequence[object] | np.ndarray, fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0
) -> np.ndarray:
    """Assign every image to a part by its subject, so that no subject is in two parts.

    The sorted subjects are permuted from the seed and cut where the fractions say: the same subjects give the same
    split, in whatever order their images come. Each part has its fraction of the subjects, rounded up or down.

    Args:
        subjects: one subject per image, N entries.
        fractions: share of the subjects in training, validation and test part; non-negative, sum 1.
        seed: seed of the permutation, at least 0.

    Returns:
        Parts (N,), int64: 0 training, 1 validation, 2 test.

    Raises:
        InputError: the fractions are not three non-negative numbers with the sum 1.
    """
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.shape != (3,) or (shares < 0).any() or abs(shares.sum() - 1.0) > 1e-6:
        raise InputError(
            f"fractions={tuple(fractions)} cannot split a set: give three shares (train, val, test) with the sum 1."
        )
    unique, inverse = np.unique(np.asarray([str(s) for s in subjects]), return_inverse=True)
    order = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed))).permutation(len(unique))
    ends = np.rint(np.cumsum(shares) * len(unique)).astype(np.int64)
    rank = np.empty(len(unique), dtype=np.int64)
    rank[order] = np.arange(len(unique))
    return np.searchsorted(ends[:2], rank, side="right")[inverse]
