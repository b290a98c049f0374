"""Gives every iteration of the trainer its fresh batches, in one form, and remembers how far the data was read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from monai_gan.errors import InputError

logger = logging.getLogger(__name__)


def prepare_gan_batch(batch: Any, device: torch.device, non_blocking: bool = False) -> dict[str, Any]:
    """Bring a loader's batch to the trainer's form, ``{"image": ..., "label": ...}``, on the device.

    Args:
        batch: a dictionary with ``"image"`` and, for image-to-image variants, ``"target"``; a pair (image, label); or
            an image tensor (N, C, *S).
        device: where to.
        non_blocking: passed to ``Tensor.to``.

    Returns:
        The entries of the batch, tensors as plain ones.

    Raises:
        InputError: when there is no ``"image"``.
    """
    if isinstance(batch, Tensor):
        batch = {"image": batch}
    elif isinstance(batch, (tuple, list)):
        batch = dict(zip(("image", "label"), batch, strict=False))
    if "image" not in batch:
        raise InputError(f"The batch has no 'image', only {sorted(batch)}; pass prepare_batch to name the right key.")
    # MONAI's MetaTensor would carry its metadata through every operation of every network.
    return {
        key: value.as_subclass(Tensor).to(device, non_blocking=non_blocking) if isinstance(value, Tensor) else value
        for key, value in batch.items()
    }


class FreshBatches:
    """An endless iterator over lists of batches.

    Args:
        loader: a :class:`~monai_gan.data.StreamLoader`, which resumes exactly, or any loader that can be iterated.
        needed: tells how many batches the coming iteration takes.
    """

    def __init__(self, loader: Iterable[Any], needed: Callable[[], int]) -> None:
        self.loader = loader
        self._needed = needed
        self._stream: Iterator[Any] | None = None

    def epoch_length(self, batches_per_iteration: int) -> int:
        """Iterations in one pass over the loader, at least 1."""
        try:
            return max(1, len(self.loader) // batches_per_iteration)  # type: ignore[arg-type]
        except TypeError as error:
            raise InputError("The data loader has no length; pass epoch_length to the trainer.") from error

    def __iter__(self) -> FreshBatches:
        return self

    def __next__(self) -> list[Any]:
        if self._stream is None:
            stream = getattr(self.loader, "stream", None)
            self._stream = stream() if stream else _cycle(self.loader)
        return [next(self._stream) for _ in range(self._needed())]

    def state_dict(self) -> dict[str, Any]:
        """The loader's own state; empty for a loader that keeps none."""
        state = getattr(self.loader, "state_dict", None)
        return state() if state else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where the state was taken."""
        self._stream = None
        restore = getattr(self.loader, "load_state_dict", None)
        if restore and state:
            restore(state)
        else:
            logger.warning("The loader keeps no position, so the data order restarts; StreamLoader resumes exactly.")


def _cycle(loader: Iterable[Any]) -> Iterator[Any]:
    while True:
        empty = True
        for batch in loader:
            empty = False
            yield batch
        if empty:
            raise InputError("The data loader is empty; check the data set and that it holds at least one full batch.")
