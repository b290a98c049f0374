"""What synthetic images are worth to a classifier of real ones: train on synthetic, test on real, and the learning
curve of augmentation (Esteban et al. 2017, arXiv 1706.02633; Frid-Adar et al. 2018, arXiv 1803.01229).

The rules that make the comparison fair: the generator sees the real training images of the classifier and no others;
every arm tries the same number of settings and the validation images choose among them; the test images are scored
once, with the setting chosen; and every repetition draws another subset, so that differences are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.augmentation import ClassicalAugmentation
from monai_gan.metrics.classification import ClassifierScores, ClassifierTraining, Labelled, classify
from monai_gan.metrics.intervals import Interval, mean_interval


class LabelledGenerator(Protocol):
    """A generator of classes: one conditional network, or one unconditional network per class behind one face."""

    def sample(self, labels: Tensor, seed: int, truncation: float = 1.0) -> Tensor:
        """Images (N, C, *S) in [-1, 1] of the classes ``labels`` (N,); ``truncation`` is a factor on the latents."""


#: Trains a generator on real images with a seed.
FitGenerator = Callable[[Labelled, int], LabelledGenerator]


@dataclass(frozen=True)
class Setting:
    """One way to feed the classifier.

    Args:
        name: shown in results.
        synthetic: share of synthetic images in every batch, 0..1.
        truncation: factor on the latents of synthetic images.
        augmentation: of all images of a batch; None for none.
        decay: weight decay of the classifier.
    """

    name: str
    synthetic: float = 0.0
    truncation: float = 1.0
    augmentation: ClassicalAugmentation | None = None
    decay: float = 1e-2


_LIGHT = ClassicalAugmentation(rotate=5, scale=0.05, shift=0.05)
_MEDIUM = ClassicalAugmentation(rotate=10, scale=0.1, shift=0.1, contrast=0.1, brightness=0.1)
_STRONG = ClassicalAugmentation(rotate=20, scale=0.2, shift=0.15, contrast=0.3, brightness=0.2, noise=0.05)

#: The arms of the comparison, each with as many settings to choose from.
ARMS: Mapping[str, Sequence[Setting]] = {
    "real": [Setting(f"weight decay {decay:g}", decay=decay) for decay in (1e-3, 1e-2, 1e-1)],
    "real + classical": [
        Setting("light", augmentation=_LIGHT),
        Setting("medium", augmentation=_MEDIUM),
        Setting("strong", augmentation=_STRONG),
    ],
    "real + GAN": [Setting(f"{share:.0%} synthetic", synthetic=share) for share in (0.25, 0.5, 0.75)],
    "real + classical + GAN": [
        Setting("light, 25% synthetic", synthetic=0.25, augmentation=_LIGHT),
        Setting("medium, 25% synthetic", synthetic=0.25, augmentation=_MEDIUM),
        Setting("medium, 50% synthetic", synthetic=0.5, augmentation=_MEDIUM),
    ],
    "GAN only": [Setting(f"truncation {psi:g}", synthetic=1.0, truncation=psi) for psi in (1.0, 0.85, 0.7)],
}


def learning_curve(
    train: Labelled,
    val: Labelled,
    test: Labelled,
    fit_generator: FitGenerator,
    *,
    sizes: Sequence[int | None] = (25, 100, 400, None),
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    arms: Mapping[str, Sequence[Setting]] = ARMS,
    training: ClassifierTraining | None = None,
    synthetic_per_class: int = 500,
    skip: Callable[[int, int], bool] = lambda size, seed: False,
) -> Iterator[list[dict[str, Any]]]:
    """Train and test classifiers with and without synthetic images, for growing numbers of real ones.

    Args:
        train: the real training images of which subsets are drawn, with the classes' shares kept; for a seed a larger
            subset holds the smaller ones.
        val: chooses each arm's setting, by the area under the ROC curve.
        test: scored once per arm.
        fit_generator: trains a generator on a subset; it is given no other images.
        sizes: numbers of real images; None for all.
        seeds: one repetition each: subset, generator and classifiers.
        arms: settings by arm, the same number in each.
        training: of the classifiers.
        synthetic_per_class: images sampled from each generator and class.
        skip: asked with (size, seed) for what is known already.

    Yields:
        For each size and seed a list with one dictionary per arm: ``n``, ``seed``, ``arm``, ``setting`` chosen, and
        ``val`` and ``test`` scores.

    Raises:
        InputError: arms have different numbers of settings, or a size exceeds the training images or cannot hold two
            images of every class.
    """
    tried = {arm: len(settings) for arm, settings in arms.items()}
    if len(set(tried.values())) != 1 or 0 in tried.values():
        raise InputError(f"arms have different numbers of settings to choose from, {tried}: give each as many.")
    training = training or ClassifierTraining()
    for seed in seeds:
        for size in sizes:
            n = len(train.labels) if size is None else size
            if skip(n, seed):
                continue
            real = stratified_subset(train, n, seed)
            source = _Synthetic(fit_generator, real, synthetic_per_class, seed)
            yield [
                {"n": n, "seed": seed, "arm": arm, **_best(real, source, val, test, settings, training, seed)}
                for arm, settings in arms.items()
            ]


def train_on_synthetic(
    synthetic: Labelled, test: Labelled, *, training: ClassifierTraining | None = None, seed: int = 0
) -> ClassifierScores:
    """Train a classifier on synthetic images alone and score it on real ones (Esteban et al. 2017, section 4).

    Args:
        synthetic: images of every class.
        test: real images that the generator has not seen.
        training: of the classifier.
        seed: of the classifier.
    """
    return classify(fit_classifier(None, synthetic, Setting("synthetic", synthetic=1.0), training, seed), test)


def stratified_subset(data: Labelled, n: int, seed: int) -> Labelled:
    """Draw ``n`` images that keep the classes' shares as nearly as whole numbers can.

    Args:
        data: to draw from.
        n: size of the subset.
        seed: of the draw; for one seed and equal classes, larger subsets hold the smaller ones.

    Raises:
        InputError: there are not so many images, or a class would have fewer than two.
    """
    counts = torch.bincount(data.labels)
    if n > len(data.labels):
        raise InputError(
            f"size {n} exceeds the {len(data.labels)} training images: leave it out, or give None for all."
        )
    # Cumulated shares are rounded, so that the parts add up to n.
    ends = (counts.cumsum(0).double() * n / len(data.labels)).round().long()
    parts = ends.diff(prepend=ends.new_zeros(1)).tolist()
    if min(parts) < 2:
        raise InputError(f"size {n} gives the classes {parts} images: each needs at least two.")
    generator = torch.Generator().manual_seed(seed)
    chosen = []
    for label, part in enumerate(parts):
        members = torch.nonzero(data.labels == label).flatten()
        chosen.append(members[torch.randperm(len(members), generator=generator)[:part]])
    index = torch.cat(chosen)
    return Labelled(data.images[index], data.labels[index])


def compare_arms(
    rows: Sequence[Mapping[str, Any]], opponent: str, score: str = "auroc", level: float = 0.95
) -> list[dict[str, Any]]:
    """How much better each arm is than an opponent, size by size, paired over seeds.

    Args:
        rows: of :func:`learning_curve`.
        opponent: the arm to compare with.
        score: ``"auroc"`` or ``"balanced_accuracy"``, on the test images.
        level: of the confidence intervals, Student's t.

    Returns:
        A dictionary per size and arm: ``n``, ``arm``, ``seeds`` (their number), ``mean`` and ``difference``, each an
        :class:`Interval` of [mean, low, high]; the difference to the opponent, None for itself.

    Raises:
        InputError: the opponent is no arm, or an arm lacks a seed that the opponent has.
    """
    found: dict[tuple[int, str], dict[int, float]] = {}
    for row in rows:
        found.setdefault((row["n"], row["arm"]), {})[row["seed"]] = row["test"][score]
    result = []
    for (n, arm), by_seed in sorted(found.items(), key=lambda item: item[0][0]):
        other = found.get((n, opponent), {})
        if other.keys() != by_seed.keys():
            raise InputError(f"n={n}: {arm!r} has the seeds {sorted(by_seed)}, {opponent!r} {sorted(other)}; run all.")
        difference: Interval | None = None
        if arm != opponent:
            difference = mean_interval([by_seed[seed] - other[seed] for seed in sorted(by_seed)], level)
        mean = mean_interval(list(by_seed.values()), level)
        result.append({"n": n, "arm": arm, "seeds": len(by_seed), "mean": mean, "difference": difference})
    return result


class _Synthetic:
    """The images of one generator, which is trained when the first is asked for."""

    def __init__(self, fit: FitGenerator, real: Labelled, per_class: int, seed: int) -> None:
        self.fit = fit
        self.real = real
        self.labels = torch.arange(int(real.labels.max()) + 1).repeat_interleave(per_class)
        self.seed = seed
        self._generator: LabelledGenerator | None = None
        self._sets: dict[float, Labelled] = {}

    def images(self, truncation: float) -> Labelled:
        if self._generator is None:
            self._generator = self.fit(self.real, self.seed)
        if truncation not in self._sets:
            images = self._generator.sample(self.labels, self.seed, truncation)
            self._sets[truncation] = Labelled(images.detach().float(), self.labels)
        return self._sets[truncation]


def _best(
    real: Labelled,
    source: _Synthetic,
    val: Labelled,
    test: Labelled,
    settings: Sequence[Setting],
    training: ClassifierTraining,
    seed: int,
) -> dict[str, Any]:
    """Train with every setting and score the one that is best on the validation images."""
    trials = []
    for setting in settings:
        synthetic = source.images(setting.truncation) if setting.synthetic else None
        network = fit_classifier(real, synthetic, setting, training, seed)
        trials.append((classify(network, val), setting, network))
    scores, setting, network = max(trials, key=lambda trial: trial[0].auroc)
    return {"setting": setting.name, "val": scores._asdict(), "test": classify(network, test)._asdict()}


def fit_classifier(
    real: Labelled | None, synthetic: Labelled | None, setting: Setting, training: ClassifierTraining | None, seed: int
) -> torch.nn.Module:
    """Train a classifier with one setting.

    Args:
        real, synthetic: images to draw batches from, by the setting's share; None for none.
        setting: how the batches are made.
        training: of the classifier.
        seed: of the classifier.

    Returns:
        The network in eval mode, images (N, C, *S) to logits (N, classes).
    """
    training = training or ClassifierTraining()
    some = real or synthetic
    if some is None:
        raise InputError(f"setting {setting.name!r} asks for no images at all.")
    made = round(setting.synthetic * training.batch_size)
    parts = [(real, training.batch_size - made), (synthetic, made)]

    def batches(generator: torch.Generator) -> Labelled:
        drawn = [_draw(data, n, generator) for data, n in parts if data is not None and n]
        images, labels = (torch.cat(one) for one in zip(*drawn, strict=True))
        if setting.augmentation is not None:
            images = setting.augmentation(images, generator)
        return Labelled(images, labels)

    # Settings of one arm start from the same weights, repetitions from others.
    word = int(np.random.SeedSequence((seed, 1)).generate_state(1)[0])
    classes = int(some.labels.max()) + 1
    return training.fit(batches, tuple(some.images.shape[1:]), classes, setting.decay, word)


def _draw(data: Labelled, n: int, generator: torch.Generator) -> Labelled:
    index = torch.randint(len(data.labels), (n,), generator=generator)
    return Labelled(data.images[index], data.labels[index])
