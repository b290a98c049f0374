"""Writes checkpoints that are never half written, and resumes from them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events

from monai_gan.atomic import atomic_path
from monai_gan.engines import GANTrainer
from monai_gan.engines.distributed import from_first
from monai_gan.errors import InputError

logger = logging.getLogger(__name__)


class CheckpointHandler:
    """Keeps ``checkpoint.pt`` of the whole training state up to date, and goes on from it when it exists.

    A checkpoint is written to a temporary file and moved, after every ``interval`` epochs, at the end and when training
    is terminated early. Only rank 0 writes and reads; it sends what it has read to the others, so that processes on
    several machines need no common disk. Every process must have this handler.

    Args:
        output_dir: folder of the checkpoint, made when missing.
        interval: epochs between checkpoints.
        iterations: additionally every so many iterations, for long epochs; 0 for never.
        resume: load an existing checkpoint when attached.

    Raises:
        InputError: if an existing checkpoint cannot be read or belongs to another training.
    """

    filename = "checkpoint.pt"

    def __init__(self, output_dir: str | Path, interval: int = 1, iterations: int = 0, resume: bool = True) -> None:
        self.path = Path(output_dir) / self.filename
        self.interval = interval
        self.iterations = iterations
        self.resume = resume
        self._saved = -1

    def attach(self, engine: GANTrainer) -> None:
        """Restore the training state if there is one, and register the saving."""
        state = from_first(self._read)
        if state is not None:
            engine.load_state_dict(state)
            engine.guard.last_checkpoint = str(self.path)
            logger.info("Resumed from %s at iteration %d.", self.path, engine.state.iteration)
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self.save)
        if self.iterations:
            engine.add_event_handler(Events.ITERATION_COMPLETED(every=self.iterations), self.save)
        engine.add_event_handler(Events.TERMINATE, self.save)
        engine.add_event_handler(Events.COMPLETED, self.save)

    def _read(self) -> dict[str, Any] | None:
        return load_checkpoint(self.path) if self.resume and self.path.is_file() else None

    def save(self, engine: GANTrainer) -> None:
        """Write the state of ``engine`` now."""
        if engine.state.iteration == self._saved:  # the end of training is also the end of an epoch
            return
        if engine.rank == 0:
            save_checkpoint(engine.state_dict(), self.path)
        self._saved = engine.state.iteration
        engine.guard.last_checkpoint = str(self.path)


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Write ``state`` to ``path`` in one step: a reader sees the old file or the new one, never a part.

    Raises:
        InputError: if it cannot be written; the old file is then as it was.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            # torch hides why the file could not be written, for instance that the disk is full.
            raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint without running any code it may hold.

    Raises:
        InputError: if the file is damaged or not a checkpoint of the trainer.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can fail in any way, an IndexError or struct.error among them
        raise InputError(
            f"Checkpoint {path} is damaged or unsafe and cannot be read; delete it to start again."
        ) from error
    if not isinstance(state, dict) or "variant" not in state:
        raise InputError(f"{path} is not a checkpoint of a training; choose another output folder.")
    return state
