"""Figures that classes give: what a classifier calls the samples of a bundle, and what one learns from them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from monai_gan.apps.evaluation_classes import class_scores
from monai_gan.apps.evaluation_sets import MODEL, EvaluationSets
from monai_gan.data import ImageDataset
from monai_gan.metrics import FLOOR, ClassProbe, Figure

#: A set whose parts are classes: a bundle of one of them is asked whether its samples are taken for it.
SIX_CLASSES = "mednist64"
CALLED = {"CXR": "chest X-ray", "HeadCT": "head CT"}
SHARE, ACCURACY, RECALL = "share_called_", "classification_accuracy", "recall_of_"


class Kind(NamedTuple):
    """What a figure says, for the table, and who judged."""

    text: str
    judge: str


def kind_of(name: str) -> Kind | None:
    """Text and judge of a figure of this module, None for any other."""
    if name.startswith(SHARE):
        called = name.removeprefix(SHARE).replace("_", " ").replace("xray", "X-ray").replace("ct", "CT")
        return Kind(f"Share that a 6-class classifier calls {called}; 1 is right", "6-class probe trained on MedNIST")
    learned = "classifier trained on the row's images, tested on real ones"
    if name == ACCURACY:
        return Kind("Balanced accuracy on real test images of a classifier trained on this row alone", learned)
    if name.startswith(RECALL):
        return Kind(f"... its recall of {name.removeprefix(RECALL).replace('_', ' ')}", learned)
    return None


def class_figures(sets: EvaluationSets, seed: int) -> dict[str, dict[str, Figure]]:
    """Figures by row; nothing for a bundle that knows no classes and is of none.

    Args:
        sets: its samples beside real images.
        seed: of the classifiers.
    """
    if sets.classes is not None:
        scores = class_scores(sets.classes, seed)
        return {row: _learned(scores["names"], scores[key]) for row, key in ((MODEL, "synthetic"), (FLOOR, "real"))}
    source = str(sets.inputs["real"]["source"])
    parent, _, part = source.partition("/")
    if parent != SIX_CLASSES or part not in CALLED:
        return {}
    probe = _probe()
    name = SHARE + CALLED[part].replace(" ", "_").replace("-", "").lower()
    rows = {FLOOR: sets.floor, **sets.rows}
    return {row: {name: Figure(probe.fractions(images)[part])} for row, images in rows.items()}


@functools.cache
def _probe() -> ClassProbe:
    """The classifier of the six classes, trained once for all bundles of a run."""
    train = ImageDataset(SIX_CLASSES, "train")
    return ClassProbe(train.stack(), torch.as_tensor(train.labels), train.label_names)


def _learned(names: Sequence[str], score: Mapping[str, Any]) -> dict[str, Figure]:
    recalls = zip(names, score["recalls"], strict=True)
    return {
        ACCURACY: Figure(score["balanced_accuracy"]),
        **{RECALL + name.replace(" ", "_"): Figure(recall) for name, recall in recalls},
    }
