"""Mirrored samples of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from monai_gan.augment.draws import Draws, per_sample


class MirrorBatch:
    """Flip each sample along each of the given axes with probability one half.

    Args:
        keys: images (N, C, *S); those of a sample are flipped alike.
        axes: spatial axes, from 0.
    """

    def __init__(self, keys: Sequence[str], axes: Sequence[int] = (0,)) -> None:
        self.keys, self.axes = list(keys), list(axes)

    def __call__(self, batch: dict[str, Tensor], draws: Draws) -> dict[str, Tensor]:
        """The batch with flipped images."""
        result = dict(batch)
        for axis in self.axes:
            chosen = draws.chance(0.5, len(batch[self.keys[0]])) > 0
            for key in self.keys:
                image = result[key]
                result[key] = torch.where(per_sample(chosen, image), image.flip(axis + 2), image)
        return result
