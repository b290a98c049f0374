"""Train a bundle: from its configuration to a checkpointed run and a new bundle with the trained weights."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.apps.device import resolve_device
from monai_gan.apps.initial_weights import InitialWeights
from monai_gan.apps.jobs import CancelCheck, Progress, ProgressCallback
from monai_gan.apps.trained_bundle import TrainedBundle, train_command
from monai_gan.bundle import BundleInfo, find_bundle, load_config
from monai_gan.errors import Cancelled, InputError, MonaiGanError

if TYPE_CHECKING:
    from monai.bundle import ConfigParser

    from monai_gan.engines import GANTrainer

#: Overlay that a bundle brings for several processes (torchrun).
OVERLAY = "multi_gpu_train"
#: Items of the configuration that have an argument of their own, with its form on the command line.
ARGUMENTS = {"output_dir": "output (`-o`)", "device": "device (`--device`)", "bundle_root": "bundle (`BUNDLE`)"}
#: Iterations between the moments at which several processes ask each other whether to stop.
AGREE_EVERY = 10


def train(
    bundle: str | Path,
    output: str | Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    device: str = "auto",
    trust: bool = False,
    weights: str | Path | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> Path:
    """Train a bundle, or go on with a training that was interrupted in the same folder.

    The folder receives ``checkpoint.pt``, ``losses.jsonl``, pictures of samples and, at the end, a complete bundle with
    the averaged weights. Under ``torchrun`` every process calls this and the bundle's overlay is used.

    Args:
        bundle: name or path.
        output: folder of the run.
        overrides: values of the training configuration by id, for instance ``{"max_epochs": 2}``.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``...
        trust: whether a bundle from outside this package may run code.
        weights: a bundle (name or path) or a file of weights that the network which the bundle ships begins with, in
            place of random ones; the others begin anew. A training that goes on from its checkpoint keeps what it has.
        progress: told after every iteration.
        cancel: asked after every iteration; True stops with a checkpoint.

    Returns:
        The folder of the new bundle, ``output/<name>``.

    Raises:
        InputError: if the bundle, an override, the data or the output folder cannot be used.
        WeightsError: if ``weights`` cannot be read or belong to another network.
        Cancelled: after the checkpoint was written.
        NonFiniteLossError: if a loss became NaN or infinite.
    """
    info = BundleInfo.from_path(find_bundle(bundle))
    changes = dict(overrides or {})
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    folder = Path(output).expanduser().resolve()
    command = train_command(bundle, output, changes, device, trust, processes, weights)
    first = InitialWeights(weights) if weights is not None else None
    result = TrainedBundle(info, folder, changes, command, trust, first)
    config = _configure(info, folder, changes, "" if processes > 1 else str(resolve_device(device)), trust)
    with _made(folder), _finalizing(config):
        trainer = _build(config, info.name)
        result.check(trainer)
        if first is not None and trainer.state.iteration == 0:
            first.load(trainer)
        watch = _Watch(progress, cancel)
        watch.attach(trainer)
        _run(config, trainer, info.name)
        if watch.cancelled:
            kept = trainer.guard.last_checkpoint
            where = f"the checkpoint is {kept}" if kept else "its configuration keeps no checkpoint"
            raise Cancelled(
                f"Training stopped at iteration {trainer.state.iteration}; {where}.",
                hint="Run the same command again to go on." if kept else "",
            )
        return result.write(trainer, config)


def _configure(info: BundleInfo, folder: Path, changes: Mapping[str, Any], device: str, trust: bool) -> ConfigParser:
    """The training configuration with the user's changes; without a device it is the one for several processes."""
    for key in changes:
        if key in ARGUMENTS:
            raise InputError(f"The override '{key}' has an argument of its own: give {ARGUMENTS[key]} instead.")
    config = load_config(info.path, "train", changes, trust, overlays=() if device else (OVERLAY,))
    for key, value in {"output_dir": str(folder), **({"device": device} if device else {})}.items():
        if key not in config:
            raise InputError(f"Bundle '{info.name}' cannot be trained: its train.json has no '{key}'; add it there.")
        config[key] = value
    return config


def _build(config: ConfigParser, name: str) -> GANTrainer:
    """Run the ``initialize`` expressions and make the trainer; faults in the configuration become input errors."""
    try:
        config.get_parsed_content("initialize", default=None)
        return config.get_parsed_content("train::trainer")
    except Exception as error:
        cause = _cause(error)
        faults = (ValueError, TypeError, KeyError, AttributeError, ImportError)
        if isinstance(cause, faults) and not isinstance(cause, MonaiGanError):
            raise InputError(f"The training of '{name}' cannot be set up: {_sentence(cause)}") from error
        raise cause from None


def _run(config: ConfigParser, trainer: GANTrainer, name: str) -> None:
    """Run the ``run`` expressions; an error comes out as it was raised, without what the parser wraps around it."""
    from monai_gan.engines.distributed import connection_lost

    # Errors are told once, by whoever called, not by the engine as well.
    level = trainer.logger.level
    trainer.logger.setLevel(logging.CRITICAL)
    try:
        config.get_parsed_content("run")
    except Exception as error:
        cause = _cause(error)
        if isinstance(cause, (ValueError, OSError)) and not isinstance(cause, MonaiGanError):
            raise InputError(f"The training of '{name}' cannot go on: {_sentence(cause)}") from error
        if trainer.world_size > 1 and connection_lost(cause):
            raise MonaiGanError(
                f"Another process of the training of '{name}' has ended, so this one cannot go on; once its cause is "
                f"removed, the same command goes on from the last checkpoint ({_sentence(cause)})"
            ) from error
        raise cause from None
    finally:
        trainer.logger.setLevel(level)


def _cause(error: Exception) -> Exception:
    """The exception behind those that MONAI's parser wraps around it."""
    while str(error).startswith(("Failed to evaluate", "Failed to instantiate")):
        if not isinstance(error.__cause__, Exception):
            break
        error = error.__cause__
    return error


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def _finalizing(config: ConfigParser) -> Iterator[None]:
    """Run the ``finalize`` expressions at the end, whatever happens."""
    try:
        yield
    except BaseException:
        with suppress(Exception):  # the first error is the one to tell
            config.get_parsed_content("finalize", default=None)
        raise
    config.get_parsed_content("finalize", default=None)


class _Watch:
    """Passes progress on and stops the trainer between two iterations when the user cancels."""

    def __init__(self, progress: ProgressCallback | None, cancel: CancelCheck | None) -> None:
        self.progress = progress
        self.cancel = cancel
        self.cancelled = False
        self._first = 0
        self._began = 0.0

    def attach(self, trainer: GANTrainer) -> None:
        from ignite.engine import Events

        trainer.add_event_handler(Events.STARTED, self.start)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, self.look)

    def start(self, trainer: GANTrainer) -> None:
        self._first, self._began = trainer.state.iteration, time.monotonic()

    def look(self, trainer: GANTrainer) -> None:
        state = trainer.state
        total = state.max_epochs * state.epoch_length
        if self.progress is not None:
            done = state.iteration - self._first
            left = (time.monotonic() - self._began) * (total - state.iteration) / done
            message = f"epoch {state.epoch} of {state.max_epochs}"
            self.progress(Progress(state.iteration / total, "training", message, left))
        if self.cancel is not None and state.iteration < total and self._stops(trainer, self.cancel):
            self.cancelled = True
            trainer.terminate(skip_completed=True)

    def _stops(self, trainer: GANTrainer, cancel: CancelCheck) -> bool:
        if trainer.world_size == 1:
            return cancel()
        from monai_gan.engines.distributed import any_process

        # One process that stops alone would leave the others waiting for its gradients.
        return trainer.state.iteration % AGREE_EVERY == 0 and any_process(cancel(), trainer.state.device)


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make the output folder, and take it away again when an error leaves it empty."""
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise InputError(
                f"output='{folder}' cannot be written ({error.strerror}); choose another folder."
            ) from error
        yield
    except BaseException:
        for path in new:
            with suppress(OSError):  # it holds something
                path.rmdir()
        raise
