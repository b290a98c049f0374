"""What a classifier learns from one set of images, class by class."""

from __future__ import annotations

import pytest
import torch

from monai_gan.errors import InputError
from monai_gan.metrics import ClassifierTraining, Labelled, classification_accuracy_score

QUICK = ClassifierTraining(steps=40, batch_size=16, channels=(4, 8))


def bars(n: int, seed: int, classes: int = 3) -> Labelled:
    """Images of 9 px with a bright bar whose place tells the class, under noise."""
    labels = torch.arange(n) % classes
    images = 0.2 * torch.randn(n, 1, 9, 9, generator=torch.Generator().manual_seed(seed)) - 0.5
    for label in range(classes):
        images[labels == label, :, :, 3 * label : 3 * label + 2] += 0.9
    return Labelled(images.clamp(-1, 1), labels)


def test_good_images_teach_and_a_class_that_is_made_wrongly_shows() -> None:
    test = bars(60, 2)
    good = classification_accuracy_score(bars(90, 0), test, training=QUICK)
    assert good.accuracy > 0.9
    assert good == classification_accuracy_score(bars(90, 0), test, training=QUICK)
    images, labels = bars(90, 0)
    images[labels == 2] = images[labels == 1].clone()  # the generator makes its class 2 like class 1
    poor = classification_accuracy_score(Labelled(images, labels), test, training=QUICK)
    assert poor.recalls[0] > 0.9
    assert poor.recalls[1] + poor.recalls[2] < 1.2
    assert poor.as_dict() == {
        "accuracy": poor.accuracy,
        "balanced_accuracy": pytest.approx(poor.accuracy),
        "recalls": list(poor.recalls),
    }


def test_a_class_without_a_sample_is_refused() -> None:
    with pytest.raises(InputError, match=r"train holds \[30, 30, 0\] images of 3 classes"):
        classification_accuracy_score(bars(60, 0, classes=2), bars(60, 1))
    with pytest.raises(InputError, match=r"test holds \[30, 30, 0\] images of 3 classes"):
        classification_accuracy_score(bars(60, 0), bars(60, 1, classes=2))
