"""The rules of the comparison: what the generator sees, what chooses, what is scored, and what is paired."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import ClassifierTraining, Labelled, Setting, compare_arms, learning_curve, train_on_synthetic
from monai_gan.metrics.downstream import ARMS, stratified_subset

QUICK = ClassifierTraining(steps=25, batch_size=16, channels=(4, 8))
#: Few settings, so that the tests are quick.
FEW = {"real": [Setting("plain")], "GAN only": [Setting("all synthetic", synthetic=1.0)]}


def phantoms(n: int, seed: int) -> Labelled:
    """Images of 8 px with a bright bar on the left (class 0) or on the right (class 1), under noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 2
    images = 0.3 * torch.randn(n, 1, 8, 8, generator=generator) - 0.5
    images[labels == 0, :, :, 1:3] += 0.8
    images[labels == 1, :, :, 5:7] += 0.8
    return Labelled(images.clamp(-1, 1), labels)


class Gaussian:
    """Per class the mean image with noise; it remembers what it was fitted to."""

    fitted: list[Labelled]

    def __init__(self, wrong: bool = False) -> None:
        self.fitted = []
        self.seeds: list[int] = []
        self.wrong = wrong

    def __call__(self, real: Labelled, seed: int) -> Gaussian:
        self.fitted.append(real)
        self.seeds.append(seed)
        return self

    def sample(self, labels: Tensor, seed: int, truncation: float = 1.0) -> Tensor:
        real = self.fitted[-1]
        means = torch.stack([real.images[real.labels == label].mean(0) for label in (0, 1)])
        noise = torch.randn(len(labels), 1, 8, 8, generator=torch.Generator().manual_seed(seed))
        return (means[1 - labels if self.wrong else labels] + 0.3 * truncation * noise).clamp(-1, 1)


@pytest.fixture(scope="module")
def sets() -> tuple[Labelled, Labelled, Labelled]:
    """Training, validation and test images."""
    return phantoms(60, 0), phantoms(20, 1), phantoms(40, 2)


def curve(sets: Sequence[Labelled], generator: Any, **options: Any) -> list[dict[str, Any]]:
    options = {"sizes": (8, None), "seeds": (0, 1), "arms": FEW, "training": QUICK, **options}
    cells = learning_curve(*sets, generator, synthetic_per_class=30, **options)  # type: ignore[misc]
    return [row for cell in cells for row in cell]


def rows_of(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


def test_the_curve_has_a_row_for_every_size_seed_and_arm(sets: tuple[Labelled, ...]) -> None:
    rows = curve(sets, Gaussian())
    assert [(row["seed"], row["n"], row["arm"]) for row in rows] == [
        (seed, n, arm) for seed in (0, 1) for n in (8, 60) for arm in FEW
    ]
    assert all(row["test"]["auroc"] > 0.9 for row in rows), "bars are easily told apart"


def test_the_generator_sees_the_classifiers_images_and_no_others(sets: tuple[Labelled, ...]) -> None:
    train, val, test = sets
    generator = Gaussian()
    curve(sets, generator, seeds=(3,), arms={**FEW, "both": [Setting("half", synthetic=0.5)]})
    assert [len(real.labels) for real in generator.fitted] == [8, 60]
    assert generator.seeds == [3, 3]
    for real, n in zip(generator.fitted, (8, 60), strict=True):
        assert rows_of(real.images) == rows_of(stratified_subset(train, n, 3).images)
        assert not rows_of(real.images) & (rows_of(val.images) | rows_of(test.images))


def test_no_generator_is_trained_for_arms_without_synthetic_images(sets: tuple[Labelled, ...]) -> None:
    generator = Gaussian()
    curve(sets, generator, arms={"real": FEW["real"]})
    assert generator.fitted == []


def test_wrong_synthetic_images_do_harm(sets: tuple[Labelled, ...]) -> None:
    rows = curve(sets, Gaussian(wrong=True), sizes=(None,), seeds=(0,))
    assert rows[0]["test"]["auroc"] > 0.9
    assert rows[1]["test"]["auroc"] < 0.1


def test_the_validation_images_choose_and_the_test_images_do_not(sets: tuple[Labelled, ...]) -> None:
    train, val, test = sets
    flipped = Labelled(test.images, 1 - test.labels)
    arms = {"GAN": [Setting("good", synthetic=0.0), Setting("bad", synthetic=1.0)]}
    (row,) = curve((train, val, flipped), Gaussian(wrong=True), sizes=(None,), seeds=(0,), arms=arms)
    assert row["setting"] == "good", "although the bad one is right about these test images"
    assert row["val"]["auroc"] > 0.9
    assert row["test"]["auroc"] < 0.1


def test_the_same_seeds_give_the_same_rows(sets: tuple[Labelled, ...]) -> None:
    assert curve(sets, Gaussian(), sizes=(8,)) == curve(sets, Gaussian(), sizes=(8,))


def test_what_is_known_is_not_made_again(sets: tuple[Labelled, ...]) -> None:
    rows = curve(sets, Gaussian(), skip=lambda size, seed: (size, seed) != (60, 1))
    assert {(row["n"], row["seed"]) for row in rows} == {(60, 1)}


def test_the_shipped_arms_have_equal_budgets_and_unequal_names() -> None:
    assert len({len(settings) for settings in ARMS.values()}) == 1
    for settings in ARMS.values():
        assert len({setting.name for setting in settings}) == len(settings)
    assert not any(setting.synthetic for setting in ARMS["real + classical"])
    assert all(setting.synthetic == 1 for setting in ARMS["GAN only"])


@pytest.mark.parametrize("n", [6, 9, 31, 90])
def test_subsets_keep_the_shares_of_the_classes(n: int) -> None:
    data = Labelled(torch.arange(90.0).view(90, 1, 1, 1), (torch.arange(90) % 3 == 0).long())
    subset = stratified_subset(data, n, seed=1)
    assert len(subset.labels) == n
    assert int(subset.labels.sum()) == pytest.approx(n / 3, abs=1)
    assert len(subset.images.unique()) == n
    assert torch.equal(data.labels[subset.images.flatten().long()], subset.labels)
    assert rows_of(subset.images) <= rows_of(stratified_subset(data, 90, seed=1).images)
    if n < 90:
        assert rows_of(subset.images) != rows_of(stratified_subset(data, n, seed=2).images)


def test_larger_subsets_hold_the_smaller_ones() -> None:
    data = phantoms(60, 0)
    small, large = (rows_of(stratified_subset(data, n, seed=0).images) for n in (8, 30))
    assert small < large


def test_train_on_synthetic_test_on_real(sets: tuple[Labelled, ...]) -> None:
    train, _, test = sets
    labels = torch.arange(2).repeat_interleave(30)
    for wrong in (False, True):
        images = Gaussian(wrong)(train, 0).sample(labels, 0)
        scores = train_on_synthetic(Labelled(images, labels), test, training=QUICK)
        assert (scores.auroc > 0.9) != wrong


def row(n: int, seed: int, arm: str, value: float) -> dict[str, Any]:
    return {"n": n, "seed": seed, "arm": arm, "test": {"auroc": value, "balanced_accuracy": 0.5}}


def test_differences_are_paired() -> None:
    # The arms differ by 0.1 in every repetition, whatever else varies between repetitions.
    rows = [row(25, seed, "real", base) for seed, base in enumerate((0.5, 0.7, 0.6))]
    rows += [row(25, seed, "GAN", base + 0.1) for seed, base in enumerate((0.5, 0.7, 0.6))]
    real, gan = compare_arms(rows, "real")
    assert real["difference"] is None
    assert gan["difference"] == pytest.approx((0.1, 0.1, 0.1))
    assert gan["mean"].high - gan["mean"].low > 0.4
    assert (gan["n"], gan["arm"], gan["seeds"]) == (25, "GAN", 3)


def test_what_cannot_be(sets: tuple[Labelled, ...]) -> None:
    with pytest.raises(InputError, match=r"different numbers of settings.*'more': 2"):
        curve(sets, Gaussian(), arms={**FEW, "more": [Setting("a"), Setting("b")]})
    with pytest.raises(InputError, match="size 61 exceeds the 60 training images"):
        curve(sets, Gaussian(), sizes=(61,))
    with pytest.raises(InputError, match=r"size 3 gives the classes \[2, 1\] images"):
        curve(sets, Gaussian(), sizes=(3,))
    rows = [row(25, 0, "real", 0.5), row(25, 1, "real", 0.5), row(25, 0, "GAN", 0.5)]
    with pytest.raises(InputError, match=r"'GAN' has the seeds \[0\], 'real' \[0, 1\]"):
        compare_arms(rows, "real")
