"""Figures that classes give: what a classifier calls the samples of a bundle, and what one learns from them."""

from __future__ import annotations

from typing import NamedTuple

import torch

from monai_gan.apps.evaluation_sets import MODEL, EvaluationSets
from monai_gan.bundle import BundleInfo
from monai_gan.data import ImageDataset
from monai_gan.metrics import FLOOR, ClassProbe, Figure, classification_accuracy_score
from monai_gan.metrics.classification import Labelled

#: A set whose parts are classes: a bundle of one of them is asked whether its samples are taken for that class.
SIX_CLASSES = "mednist64"
CALLED = {"CXR": "chest X-ray", "HeadCT": "head CT"}
SHARE, AGREEMENT, ACCURACY, RECALL = "share_called_", "label_agreement", "classification_accuracy", "recall_of_"


class Kind(NamedTuple):
    """What a figure says, for the table, and who judged."""

    text: str
    judge: str


def kind_of(name: str) -> Kind | None:
    """Text and judge of a figure of this module, None for any other."""
    if name.startswith(SHARE):
        called = name.removeprefix(SHARE).replace("_", " ").replace("xray", "X-ray").replace("ct", "CT")
        return Kind(f"Share that a 6-class classifier calls {called}; 1 is right", "6-class probe trained on MedNIST")
    if name == AGREEMENT:
        return Kind("Share that a classifier trained on real images calls the class asked for", "probe of real images")
    learned = "classifier trained on the row's images, tested on real ones"
    if name == ACCURACY:
        return Kind("Balanced accuracy on real test images of a classifier trained on this row alone", learned)
    if name.startswith(RECALL):
        return Kind(f"... its recall of {name.removeprefix(RECALL).replace('_', ' ')}", learned)
    return None


def class_figures(info: BundleInfo, sets: EvaluationSets) -> dict[str, dict[str, Figure]]:
    """Figures by row; nothing for a bundle that knows no classes and is of none.

    Args:
        info: the bundle; with ``labels``, sample i of a row is of class i modulo their number.
        sets: its samples beside real images.
    """
    source = str(sets.inputs["real"]["source"])
    labels = info.extra.get("labels") or []
    if labels:
        return _learned(source, [str(label) for label in labels], sets)
    parent, _, part = source.partition("/")
    if parent != SIX_CLASSES or part not in CALLED:
        return {}
    train = ImageDataset(SIX_CLASSES, "train")
    probe = ClassProbe(train.stack(), torch.as_tensor(train.labels), train.label_names)
    name = SHARE + CALLED[part].replace(" ", "_").replace("-", "").lower()
    rows = {FLOOR: sets.floor, **sets.rows}
    return {row: {name: Figure(probe.fractions(images)[part])} for row, images in rows.items()}


def _learned(source: str, labels: list[str], sets: EvaluationSets) -> dict[str, dict[str, Figure]]:
    """The model's samples beside as many real training images, in the row of real images."""
    parts = {
        split: ImageDataset(source, split, image_size=tuple(sets.reference.shape[2:])) for split in ("train", "test")
    }
    real, test = (Labelled(part.stack(), torch.as_tensor(part.labels)) for part in parts.values())
    samples = sets.rows[MODEL]
    asked = torch.arange(len(samples)) % len(labels)
    chosen = torch.randperm(len(real.images), generator=torch.Generator().manual_seed(0))[: len(samples)]
    scores = {
        MODEL: classification_accuracy_score(Labelled(samples, asked), test),
        FLOOR: classification_accuracy_score(Labelled(real.images[chosen], real.labels[chosen]), test),
    }
    found = {
        row: {
            ACCURACY: Figure(score.balanced),
            **{
                RECALL + label.replace(" ", "_"): Figure(recall)
                for label, recall in zip(labels, score.recalls, strict=True)
            },
        }
        for row, score in scores.items()
    }
    probe = ClassProbe(real.images, real.labels, labels)
    found[MODEL][AGREEMENT] = Figure(probe.accuracy(samples, asked))
    found[FLOOR][AGREEMENT] = Figure(probe.accuracy(*test))
    return found
