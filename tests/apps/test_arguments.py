from __future__ import annotations

from collections.abc import Callable

import pytest

from monai_gan.apps.arguments import (
    MAX_SEED,
    check_count,
    check_labels,
    check_seed,
    check_start,
    check_truncation,
    choose_classes,
)
from monai_gan.bundle import BundleInfo
from monai_gan.errors import InputError

Make = Callable[..., BundleInfo]


@pytest.mark.parametrize("n", [0, -3, 1.5, "4"])
def test_bad_counts(n: int) -> None:
    with pytest.raises(InputError, match="n="):
        check_count("n", n)


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 0.5])
def test_bad_seeds(seed: int) -> None:
    with pytest.raises(InputError, match="seed="):
        check_seed(seed)


def test_limits_are_allowed() -> None:
    check_count("n", 1)
    check_seed(0)
    check_seed(MAX_SEED)
    check_start(0)
    with pytest.raises(InputError, match="start=-1"):
        check_start(-1)


@pytest.mark.parametrize("truncation", [0.0, -0.5, 1.01, float("nan"), float("inf")])
def test_bad_truncations(truncation: float, make_info: Make) -> None:
    with pytest.raises(InputError, match="above 0 and at most 1"):
        check_truncation(make_info(), truncation)


def test_truncation_can_be_ruled_out_by_the_bundle(make_info: Make) -> None:
    check_truncation(make_info(), 0.7)
    check_truncation(make_info(truncation=False), 1.0)
    with pytest.raises(InputError, match="leave it at 1"):
        check_truncation(make_info(truncation=False), 0.7)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        pytest.param(1, [1, 1, 1], id="one-number-for-all"),
        pytest.param("liver", [1, 1, 1], id="one-name-for-all"),
        pytest.param("0", [0, 0, 0], id="number-as-text"),
        pytest.param([0, "liver", "2"], [0, 1, 2], id="one-each"),
        pytest.param([2], [2, 2, 2], id="list-of-one"),
    ],
)
def test_labels(label: int | str | list[int | str], expected: list[int], make_info: Make) -> None:
    assert check_labels(make_info(labels=["brain", "liver", "7"]), label, 3) == expected


@pytest.mark.parametrize(
    ("label", "message"),
    [
        pytest.param(None, "needs a label.*0 .brain.", id="missing"),
        pytest.param(2, "label=2 is unknown.*1 .liver.", id="too-large"),
        pytest.param(-1, "label=-1 is unknown", id="negative"),
        pytest.param("heart", "label='heart' is unknown", id="unknown-name"),
        pytest.param([0, 1], "2 labels do not fit n=3", id="wrong-number"),
    ],
)
def test_bad_labels(label: int | str | list[int] | None, message: str, make_info: Make) -> None:
    with pytest.raises(InputError, match=message):
        check_labels(make_info(labels=["brain", "liver"]), label, 3)


def test_unconditional_bundles_take_no_label(make_info: Make) -> None:
    assert check_labels(make_info(), None, 3) is None
    with pytest.raises(InputError, match="label=0 is not possible"):
        check_labels(make_info(), 0, 3)


def test_without_a_label_a_series_takes_the_classes_in_turn(make_info: Make) -> None:
    info = make_info(labels=["brain", "liver", "lung"])
    assert choose_classes(info, None, 4) == [0, 1, 2, 0]
    assert choose_classes(info, None, 4, start=2) == [2, 0, 1, 2], "sample i is of class i modulo their number"
    assert choose_classes(info, "liver", 2, start=2) == [1, 1]
    assert choose_classes(make_info(), None, 3) is None
    with pytest.raises(InputError, match="label=3 is unknown"):
        choose_classes(info, 3, 1)
