"""What a source of images holds, before anything is chosen, scaled or cached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class ImageSequence(Protocol):
    """Arrays by number: an array (N, ...), a list, or a reader that loads a file when asked."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> np.ndarray: ...


@dataclass(frozen=True)
class ImageTable:
    """All images of a source with what is known of each.

    Args:
        name: where they come from, for messages.
        images: N images, each (*S), (C, *S) or (*S, C); in 2-D rows come first.
        labels: class numbers (N,) or None.
        label_names: the class of each number, or empty.
        subjects: the person of each image (N,) or None.
        splits: 0 training, 1 validation, 2 test (N,), where the source fixes them, or None.
        names: a name per image, for messages; empty where numbers do.
        covariates: continuous values such as age (N, K), or None.
        covariate_names: the name of each, or empty.
        masks: N masks (*S) of what is not normal, 0 elsewhere, or None.
    """

    name: str
    images: ImageSequence
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    subjects: np.ndarray | None = None
    splits: np.ndarray | None = None
    names: Sequence[str] = ()
    covariates: np.ndarray | None = None
    covariate_names: tuple[str, ...] = ()
    masks: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)

    def image_name(self, index: int) -> str:
        """Name an image for a message."""
        return str(self.names[index]) if len(self.names) else f"image {index} of '{self.name}'"
