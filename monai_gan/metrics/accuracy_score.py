"""Classification accuracy score: what a classifier learns from synthetic images alone, class by class (Ravuri and
Vinyals 2019, arXiv 1905.10887)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from monai_gan.errors import InputError
from monai_gan.metrics.classification import ClassifierTraining, Labelled, class_recalls, predict_logits
from monai_gan.metrics.downstream import Setting, fit_classifier


class AccuracyScore(NamedTuple):
    """How well a classifier tells real test images apart.

    Attributes:
        accuracy: share of the test images whose class is found, 0..1.
        recalls: the same of each class.
    """

    accuracy: float
    recalls: tuple[float, ...]

    @property
    def balanced(self) -> float:
        """Mean of the recalls; guessing gives 1 / classes."""
        return sum(self.recalls) / len(self.recalls)

    def as_dict(self) -> dict[str, Any]:
        """In plain JSON types."""
        return {"accuracy": self.accuracy, "balanced_accuracy": self.balanced, "recalls": list(self.recalls)}


def classification_accuracy_score(
    train: Labelled, test: Labelled, *, training: ClassifierTraining | None = None, seed: int = 0
) -> AccuracyScore:
    """Train a classifier on one set of images and score it on real ones.

    With synthetic images as ``train`` this is the classification accuracy score of their generator; with as many real
    training images, the score that it is to be read beside. A class whose recall falls behind is one that the generator
    does not make well, or makes without its variety.

    Args:
        train: images of every class, as many of each as the classifier shall see.
        test: real images that neither generator nor classifier has seen.
        training: of the classifier.
        seed: of the classifier.

    Raises:
        InputError: a class of the test images has no image to train on, or none in the test.
    """
    classes = int(torch.cat([train.labels, test.labels]).max()) + 1
    for name, labels in (("train", train.labels), ("test", test.labels)):
        counts = torch.bincount(labels, minlength=classes).tolist()
        if 0 in counts:
            raise InputError(f"{name} holds {counts} images of {classes} classes: each class must occur.")
    network = fit_classifier(None, train, Setting("one set", synthetic=1.0), training, seed)
    logits = predict_logits(network, test.images)
    found = float((logits.argmax(dim=1) == test.labels).float().mean())
    return AccuracyScore(found, class_recalls(logits, test.labels))
