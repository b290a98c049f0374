"""Where augmentation on the device meets the trainer: its ``prepare_batch``."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.transforms import Randomizable, Transform
from torch import Tensor

from monai_gan.augment.draws import Augmentation, Draws
from monai_gan.engines import prepare_gan_batch
from monai_gan.errors import InputError

#: Entry of a sample that seeds its augmentation.
WORD = "word"


class RandWordd(Randomizable, Transform):
    """Give a sample the seed of its augmentation, so that the loader's own randomness decides it and resumes with it.

    Args:
        key: the new entry, an int.
    """

    def __init__(self, key: str = WORD) -> None:
        self.key = key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The sample with a number from 0 to below 2^62."""
        return {**data, self.key: int(self.R.randint(2**62, dtype="int64"))}


class AugmentedBatch:
    """Bring a batch to the device and change it there; for ``prepare_batch`` of the trainer.

    The seed is the word of the first sample (:class:`RandWordd`). Images come in any type, for instance as float16,
    which halves what is copied, and leave as float32.

    Args:
        augmentations: applied in order.
        key: of the seeds.

    Raises:
        InputError: at the call, when the batch has no seeds.
    """

    def __init__(self, augmentations: Sequence[Augmentation], key: str = WORD) -> None:
        self.augmentations = list(augmentations)
        self.key = key

    @torch.no_grad()
    def __call__(self, batch: Any, device: torch.device, non_blocking: bool = False) -> dict[str, Any]:
        """The batch on the device, changed."""
        if not isinstance(batch, Mapping) or self.key not in batch:
            raise InputError(f"The batch has no '{self.key}': let the data set's transforms end with RandWordd.")
        rest = {name: value for name, value in batch.items() if name != self.key}
        # Degradations make the input of the target, which is then the only image.
        only_target = "image" not in rest and "target" in rest
        ready = prepare_gan_batch({"image": rest["target"]} if only_target else rest, device, non_blocking)
        images = {"target" if only_target else name: _floats(value) for name, value in ready.items()}
        draws = Draws(int(batch[self.key][0]), device)
        for augmentation in self.augmentations:
            images = augmentation(images, draws)
        return images


def _floats(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value
