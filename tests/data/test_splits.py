"""Splits keep persons together, follow the fractions and repeat."""

from __future__ import annotations

import numpy as np
import pytest

from monai_gan.data import split_by_subject
from monai_gan.errors import InputError


@pytest.mark.parametrize("subjects", [1, 2, 3, 10, 57])
def test_no_subject_is_in_two_parts_and_the_shares_hold(subjects: int) -> None:
    names = np.repeat([f"p{i}" for i in range(subjects)], np.arange(subjects) % 5 + 1)
    fractions = (0.7, 0.2, 0.1)
    parts = split_by_subject(names, fractions, seed=1)
    members = [set(names[parts == part]) for part in range(3)]
    assert sum(len(m) for m in members) == subjects
    for share, found in zip(fractions, members, strict=True):
        assert abs(len(found) - share * subjects) <= 1


def test_order_of_the_images_does_not_matter() -> None:
    names = np.array([f"p{i // 3}" for i in range(60)])
    shuffled = np.random.default_rng(0).permutation(60)
    assert (split_by_subject(names, seed=4)[shuffled] == split_by_subject(names[shuffled], seed=4)).all()


def test_seed_decides() -> None:
    names = list(range(50))
    assert (split_by_subject(names, seed=0) == split_by_subject(names, seed=0)).all()
    assert (split_by_subject(names, seed=0) != split_by_subject(names, seed=1)).any()


@pytest.mark.parametrize("fractions", [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0)])
def test_a_part_may_take_everything(fractions: tuple[float, ...]) -> None:
    assert (split_by_subject(range(9), fractions) == fractions.index(1.0)).all()


@pytest.mark.parametrize("fractions", [(0.5, 0.4), (0.5, 0.6, -0.1), (0.8, 0.1, 0.2)], ids=["two", "negative", "sum"])
def test_wrong_fractions_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="three shares"):
        split_by_subject(range(9), fractions)
