"""What the evaluation of a conditional bundle asks beside its table: does a classifier learn the classes from it?"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from monai_gan.data import ImageTable
from monai_gan.data.splits import SPLITS
from monai_gan.metrics import Labelled, classification_accuracy_score

#: Images of a class that the classifiers are trained on, at most: enough to learn, and few enough to sample on a CPU.
PER_CLASS = 200


@dataclass(frozen=True)
class ClassSets:
    """Labelled images for the classification accuracy score.

    Attributes:
        names: of the classes.
        synthetic: as many images of each class as ``real`` has.
        real: training images.
        test: the reference.
    """

    names: tuple[str, ...]
    synthetic: Labelled
    real: Labelled
    test: Labelled


def known_classes(table: ImageTable, names: Sequence[str]) -> bool:
    """Whether the real images are labelled with the classes of a bundle, each of them in training and test part."""
    if not names or table.labels is None or table.splits is None:
        return False
    if table.label_names and tuple(table.label_names) != tuple(names):
        return False
    labels, parts = np.asarray(table.labels), np.asarray(table.splits)
    return all(
        set(labels[parts == SPLITS.index(part)].tolist()) == set(range(len(names))) for part in ("train", "test")
    )


def like_reference(table: ImageTable, n: int, seed: int) -> list[int]:
    """Classes of ``n`` samples, in the shares of the test part, so that a table compares like with like."""
    labels = np.asarray(table.labels)[np.asarray(table.splits) == SPLITS.index("test")]
    order = np.random.default_rng(seed).permutation(len(labels))
    return [int(labels[order[i % len(order)]]) for i in range(n)]


def even_choice(images: Tensor, labels: Tensor, classes: int) -> Labelled:
    """The same number of images of each class, evenly spread over their order, at most ``PER_CLASS``."""
    members = [torch.nonzero(labels == label).flatten() for label in range(classes)]
    count = min(PER_CLASS, *(len(some) for some in members))
    chosen = torch.cat([some[torch.linspace(0, len(some) - 1, count).round().long()] for some in members])
    return Labelled(images[chosen], labels[chosen])


def class_scores(sets: ClassSets, seed: int) -> dict[str, Any]:
    """The scores of a classifier of synthetic images and of one of real images, both on the test images."""
    return {
        "names": list(sets.names),
        "train": len(sets.real.labels),
        "test": len(sets.test.labels),
        "synthetic": classification_accuracy_score(sets.synthetic, sets.test, seed=seed).as_dict(),
        "real": classification_accuracy_score(sets.real, sets.test, seed=seed).as_dict(),
    }


def class_table(found: Mapping[str, Any] | None) -> str:
    """The scores as HTML, nothing without classes."""
    if found is None:
        return ""
    head = "".join(f'<th class="number">{html.escape(name)}</th>' for name in ("all", *found["names"]))
    rows = []
    for label, key in (("synthetic images", "synthetic"), ("real images", "real")):
        values = (found[key]["balanced_accuracy"], *found[key]["recalls"])
        cells = "".join(f'<td class="number">{value:.3f}</td>' for value in values)
        rows.append(f"<tr><td>a classifier of {label}</td>{cells}</tr>")
    return (
        "<h3>Classes</h3><p>Share of the real test images whose class is found, by a classifier that has seen "
        f"{found['train']} synthetic images alone, or as many real training images; all: the mean of the classes.</p>"
        f'<div class="wide"><table><thead><tr><th></th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )
