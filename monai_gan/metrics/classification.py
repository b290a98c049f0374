"""A small classifier trained for a fixed number of steps, and how well it tells classes apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from monai.metrics import compute_roc_auc
from monai.networks.nets import Classifier
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from monai_gan.errors import InputError


class Labelled(NamedTuple):
    """Images and their classes.

    Attributes:
        images: (N, C, *S) in [-1, 1].
        labels: (N,), int64, classes from 0.
    """

    images: Tensor
    labels: Tensor


class ClassifierScores(NamedTuple):
    """How well classes are told apart, both 0..1 with 1 the best; guessing gives 1 / classes, and 0.5."""

    balanced_accuracy: float
    auroc: float


#: Gives the batch of a step from the generator of the training's random numbers.
Batches = Callable[[torch.Generator], Labelled]


@dataclass(frozen=True)
class ClassifierTraining:
    """How the classifier is made and trained: the same for all that are compared.

    The number of steps, not of passes, is fixed, so that few images do not mean little training.

    Args:
        steps: optimizer steps.
        batch_size: images per step.
        rate: of AdamW at the start; it falls to zero along a cosine.
        channels: of the convolutions, each halving the resolution.
    """

    steps: int = 300
    batch_size: int = 32
    rate: float = 2e-3
    channels: tuple[int, ...] = (16, 32, 64)

    def fit(self, batches: Batches, shape: tuple[int, ...], classes: int, decay: float, seed: int) -> nn.Module:
        """Train a classifier from scratch.

        Args:
            batches: gives the batch of each step.
            shape: of an image, (C, *S).
            classes: number of classes.
            decay: weight decay.
            seed: of weights and batches; the global random generator is left as it was.

        Returns:
            The network in eval mode, images (N, C, *S) to logits (N, classes).
        """
        generator = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Classifier(
                shape, classes, self.channels, (2,) * len(self.channels), num_res_units=0, norm="batch"
            )
        optimizer = torch.optim.AdamW(network.parameters(), self.rate, weight_decay=decay)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        network.train()
        for _ in range(self.steps):
            images, labels = batches(generator)
            optimizer.zero_grad()
            cross_entropy(network(images), labels).backward()
            optimizer.step()
            scheduler.step()
        return network.eval()


@torch.inference_mode()
def classify(network: nn.Module, data: Labelled) -> ClassifierScores:
    """ClassifierScores of a network on labelled images.

    Args:
        network: images (N, C, *S) to logits (N, classes).
        data: at least one image of every class.
    """
    return classification_scores(predict_logits(network, data.images), data.labels)


@torch.inference_mode()
def predict_logits(network: nn.Module, images: Tensor) -> Tensor:
    """Logits (N, K) of images (N, C, *S), a few hundred at a time."""
    return torch.cat([network(batch) for batch in images.split(256)])


def classification_scores(logits: Tensor, labels: Tensor) -> ClassifierScores:
    """Balanced accuracy (mean of the classes' recalls) and area under the ROC curve (mean of each class against all).

    Args:
        logits: (N, K), K of at least 2.
        labels: (N,), int64; every class must occur.

    Raises:
        InputError: a class does not occur, or there are fewer than two.
    """
    classes = logits.shape[1]
    counts = torch.bincount(labels, minlength=classes)
    if classes < 2 or len(counts) != classes or int(counts.min()) == 0:
        raise InputError(f"labels hold {counts.tolist()} images of {classes} classes: each of two or more must occur.")
    area: Any = compute_roc_auc(logits.softmax(dim=1), one_hot(labels, classes), average="macro")
    recalls = class_recalls(logits, labels)
    return ClassifierScores(sum(recalls) / classes, float(area))


def class_recalls(logits: Tensor, labels: Tensor) -> tuple[float, ...]:
    """The share of the images of each class that are found, 0..1.

    Args:
        logits: (N, K).
        labels: (N,), int64; every class must occur.
    """
    counts = torch.bincount(labels, minlength=logits.shape[1])
    found = torch.bincount(labels[logits.argmax(dim=1) == labels], minlength=logits.shape[1])
    return tuple((found / counts).tolist())
