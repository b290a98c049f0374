"""Gives every iteration of the trainer its fresh batches and remembers how far the data was read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from monai_gan.errors import InputError

logger = logging.getLogger(__name__)


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
