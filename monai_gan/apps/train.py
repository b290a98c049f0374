"""Train a bundle: from its configuration to a checkpointed run and a new bundle with the trained weights."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.apps.device import resolve_device
from monai_gan.apps.jobs import CancelCheck, Progress, ProgressCallback
from monai_gan.bundle import BundleInfo, export_weights, find_bundle, load_config
from monai_gan.bundle.files import METADATA, read_json, write_json
from monai_gan.errors import Cancelled, InputError, MonaiGanError

if TYPE_CHECKING:
    from monai.bundle import ConfigParser

    from monai_gan.engines import GANTrainer

#: Overlay that a bundle brings for several processes (torchrun).
OVERLAY = "multi_gpu_train"


def train(
    bundle: str | Path,
    output: str | Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    device: str = "auto",
    trust: bool = False,
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
        progress: told after every iteration.
        cancel: asked after every iteration; True stops with a checkpoint.

    Returns:
        The folder of the new bundle, ``output/<name>``.

    Raises:
        InputError: if the bundle, an override, the data or the output folder cannot be used.
        Cancelled: after the checkpoint was written.
        NonFiniteLossError: if a loss became NaN or infinite.
    """
    source = find_bundle(bundle)
    folder = _writable(Path(output).expanduser().resolve())
    settings: dict[str, Any] = {**(overrides or {}), "output_dir": str(folder)}
    distributed = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if not distributed:
        settings["device"] = str(resolve_device(device))
    config = load_config(source, "train", settings, trust, overlays=(OVERLAY,) if distributed else ())
    trainer = _build(config, source.name)
    watch = _Watch(progress, cancel)
    watch.attach(trainer)
    config.get_parsed_content("run")
    try:
        if watch.cancelled:
            raise Cancelled(
                f"Training stopped at iteration {trainer.state.iteration}; the checkpoint is in {folder}.",
                hint="Run the same command again to go on.",
            )
        return _export(trainer, source, folder, trust)
    finally:
        config.get_parsed_content("finalize", default=None)


def _build(config: ConfigParser, name: str) -> GANTrainer:
    """Run the ``initialize`` expressions and make the trainer; faults in the configuration become input errors."""
    try:
        config.get_parsed_content("initialize", default=None)
        return config.get_parsed_content("train::trainer")
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, MonaiGanError):
            root, cause = cause, cause.__cause__
        if cause is not None:
            raise cause from None
        if isinstance(root, (ValueError, TypeError, KeyError)):
            raise InputError(f"The training of '{name}' cannot be set up: {root}") from error
        raise


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
        if self.cancel is not None and self.cancel() and state.iteration < total:
            self.cancelled = True
            trainer.terminate(skip_completed=True)


def _export(trainer: GANTrainer, source: Path, folder: Path, trust: bool) -> Path:
    """Write ``folder/<name>``: the source bundle with the averaged weights and an account of this training."""
    info = BundleInfo.from_path(source)
    target = folder / info.name
    if trainer.rank != 0:
        return target
    staging = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder))
    try:
        copy = staging / info.name
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("runs", "__pycache__", "model.pt"))
        metadata = read_json(copy / METADATA)
        # The figures belong to the weights that were shipped, not to these.
        metadata["monai_gan"] |= {"metrics": [], "quality": "demo", "training": _account(trainer, info)}
        write_json(copy / METADATA, metadata)
        export_weights(trainer.ema.variant.inference_network.state_dict(), copy, trust=trust)
        if target.exists():
            target.replace(staging / "replaced")
        copy.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target


def _account(trainer: GANTrainer, info: BundleInfo) -> dict[str, Any]:
    return {
        **info.extra.get("training", {}),
        "steps": trainer.state.iteration,
        "seconds": round(trainer.seconds),
        "device": str(trainer.state.device),
        "seed": trainer.seed,
    }


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise InputError(f"output='{folder}' cannot be written ({error.strerror}); choose another folder.") from error
