"""The normal images of a source, for detectors that learn from these alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from monai_gan.data.sources import open_source
from monai_gan.data.table import ImageTable
from monai_gan.errors import InputError


def normal_images(
    source: str | os.PathLike[str] | ImageTable, *, label: int | None = None, held_out: Sequence[object] | None = None
) -> ImageTable:
    """The images without an anomaly: those of one class, or those whose mask is empty.

    What no label and no mask calls normal is never taken for normal.

    Args:
        source: as for :class:`~monai_gan.data.ImageDataset`; has labels, or masks of what is not normal.
        label: the class of the normal images; None: the masks tell.
        held_out: subjects that become the validation part, all others the training part; None keeps the source's split.

    Returns:
        The normal images; the validation part serves to calibrate scores.

    Raises:
        InputError: the source lacks what tells its normal images or subjects, a held-out subject is not there, or
            nothing is left.
    """
    table = source if isinstance(source, ImageTable) else open_source(source)
    if label is not None:
        if table.labels is None:
            raise InputError(f"label={label} cannot choose normal images: '{table.name}' has no labels.")
        normal = np.asarray(table.labels) == label
    elif table.masks is not None:
        normal = ~np.asarray(table.masks).reshape(len(table), -1).any(axis=1)
    else:
        raise InputError(f"'{table.name}' does not tell which images are normal: it has no masks, so give label.")
    chosen = np.flatnonzero(normal).tolist()
    if not chosen:
        raise InputError(f"'{table.name}' holds no normal image (label={label}): correct label, or the masks.")
    splits = table.splits if held_out is None else _held_out(table, held_out)
    return replace(
        table,
        images=np.stack([table.images[index] for index in chosen]),
        labels=None,
        label_names=(),
        subjects=None if table.subjects is None else np.asarray(table.subjects)[chosen],
        splits=None if splits is None else np.asarray(splits)[chosen],
        names=[table.image_name(index) for index in chosen],
        masks=None,
    )


def _held_out(table: ImageTable, subjects: Sequence[object]) -> np.ndarray:
    if table.subjects is None:
        raise InputError(f"held_out={list(subjects)} is not possible: '{table.name}' does not tell its subjects.")
    found, wanted = [str(subject) for subject in table.subjects], {str(subject) for subject in subjects}
    if missing := sorted(wanted - set(found)):
        raise InputError(f"held_out={missing} are no subjects of '{table.name}'; it has {sorted(set(found))}.")
    return np.array([int(subject in wanted) for subject in found])
