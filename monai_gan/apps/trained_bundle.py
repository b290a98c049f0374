"""The bundle that a training leaves: a copy of the one that was trained, with the new weights and their own account."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.atomic import write_atomic
from monai_gan.bundle import BundleInfo, export_weights
from monai_gan.bundle.checksums import bundle_files, listed_files
from monai_gan.bundle.files import METADATA, WEIGHTS, is_bundle, read_json, write_json
from monai_gan.bundle.network import build_network
from monai_gan.bundle.weights import check_state
from monai_gan.errors import InputError, WeightsError

if TYPE_CHECKING:
    from monai.bundle import ConfigParser

    from monai_gan.apps.initial_weights import InitialWeights
    from monai_gan.engines import GANTrainer

CARD = "docs/README.md"
_NOTE_ENDS = "<!-- end of the note on this training -->"
#: What the card of a configuration without weights says of that: a paragraph and a command.
_NO_WEIGHTS = re.compile(r"\*\*No weights yet:\*\*.*?```\n.*?```\n+", re.DOTALL)


class TrainedBundle:
    """``folder/<name>``: the source bundle with the averaged weights of a training and an account of it.

    Args:
        source: the bundle that is trained.
        folder: of the run.
        overrides: the user's changes of the configuration.
        command: that repeats the training.
        trust: whether the source may run code.
        initial: weights that the training began with.

    Raises:
        InputError: if the result would replace the source, or a folder that is no bundle.
    """

    def __init__(
        self,
        source: BundleInfo,
        folder: Path,
        overrides: Mapping[str, Any],
        command: str,
        trust: bool,
        initial: InitialWeights | None = None,
    ) -> None:
        self.source = source
        self.folder = folder
        self.path = folder / source.name
        self.overrides = overrides
        self.command = command
        self.trust = trust
        self.initial = initial
        if self.path.resolve() == source.path:
            raise InputError(f"output='{folder}' would replace the bundle that is trained; choose another folder.")
        if self.path.exists() and not is_bundle(self.path):
            raise InputError(
                f"'{self.path}' exists and is no bundle: the trained one goes there; choose another output."
            )

    def check(self, trainer: GANTrainer) -> None:
        """See before a long training that its weights will fit the bundle, and that the rest of it is there.

        Raises:
            InputError: if they will not, or a file of the bundle is missing.
        """
        import torch

        for name in self._copied:
            if not (self.source.path / name).is_file():
                raise InputError(
                    f"'{name}' of bundle '{self.source.name}' is missing, which the trained bundle would hold as well; "
                    "get the bundle again, or call monai_gan.bundle.write_checksums if you removed it on purpose."
                )
        # The resumed state of the generators is not to be disturbed.
        with torch.random.fork_rng(devices=[]):
            network = build_network(self.source.path, trust=self.trust)
        try:
            check_state(network, _weights(trainer), "The weights that this training gives")
        except WeightsError as error:
            raise InputError(
                f"{error} To train another network, copy the bundle and change network_def in both its train.json and "
                "inference.json."
            ) from error

    def write(self, trainer: GANTrainer, config: ConfigParser) -> Path:
        """Write the bundle, all at once; only rank 0 writes.

        Returns:
            The bundle's root.
        """
        if trainer.rank != 0:
            return self.path
        staging = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=self.folder))
        try:
            copy = staging / self.source.name
            self._copy_files(copy)
            metadata = read_json(copy / METADATA)
            metadata["monai_gan"] = {**_kept(self.source.extra), **self._account(trainer, config)}
            write_json(copy / METADATA, metadata)
            write_atomic(copy / CARD, self._card(trainer.state.iteration).encode("utf-8"))
            trainer.ema.variant.settle()
            export_weights(_weights(trainer), copy, trust=self.trust)
            if self.path.exists():
                self.path.replace(staging / "replaced")
            copy.replace(self.path)
        except OSError as error:
            raise InputError(
                f"'{self.path}' cannot be written ({error.strerror}); make room and run the same command again."
            ) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return self.path

    @property
    def _copied(self) -> list[str]:
        """What belongs to the bundle but the weights, which are replaced; data or earlier runs in its folder do not."""
        root = self.source.path
        names = [str(entry["path"]) for entry in listed_files(root)] or bundle_files(root)
        return [
            name for name in [METADATA, *names] if name != WEIGHTS and not (root / name).is_relative_to(self.folder)
        ]

    def _copy_files(self, copy: Path) -> None:
        for name in self._copied:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.source.path / name, copy / name)

    def _account(self, trainer: GANTrainer, config: ConfigParser) -> dict[str, Any]:
        """What changes in the block ``monai_gan``: the figures belong to the weights that were there before."""
        training = {
            **self.source.extra.get("training", {}),
            "steps": trainer.state.iteration,
            "seconds": round(trainer.seconds),
            "device": str(trainer.state.device),
            "seed": trainer.seed,
            "command": self.command,
        }
        training.pop("initial_weights", None)
        if self.initial is not None:
            training["initial_weights"] = f"SHA-256 {self.initial.sha256}"
        account: dict[str, Any] = {"metrics": [], "quality": "demo", "training": training}
        dataset = getattr(trainer.batches.loader, "dataset", None)
        changed = [key.replace("#", "::") for key in self.overrides]
        if dataset is not None and any(key.startswith(("dataset_dir", "train::dataset::")) for key in changed):
            origin = config.get_parsed_content("train::dataset::source", default=None)
            training["data"] = f"{origin or 'data of the user'}, {len(dataset)} images"
        if (intensity := getattr(dataset, "intensity", None)) is not None:
            found, stated = intensity.as_dict(), self.source.extra.get("intensity", {})
            # The bounds may come from the user's data; units are known only for those that the bundle states.
            same = all(stated.get(key) == found[key] for key in ("minimum", "maximum"))
            account["intensity"] = stated if same else found
        return account

    def _card(self, steps: int) -> str:
        """The model card, beginning with a note that its figures are those of other weights."""
        date = datetime.now(timezone.utc).date().isoformat()
        before = self.source.model_card
        card = before.partition(_NOTE_ENDS)[2].lstrip() if _NOTE_ENDS in before else before
        if self.source.quality == "untrained":
            card = _NO_WEIGHTS.sub("", card)
            others = "Nothing has been\n> measured on them."
        else:
            others = (
                f"They are not those\n> that ship with the bundle {self.source.name}: all figures and pictures below "
                "belong\n> to the shipped weights and say nothing about these."
            )
        return (
            f"> **These weights are the result of a user's own training** ({steps} steps, finished {date}). {others}\n"
            "> The training is recorded in `configs/metadata.json` under `monai_gan.training`.\n\n"
            f"{_NOTE_ENDS}\n\n{card}"
        )


def _kept(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The block without what was measured on the former weights, or says that there are none."""
    kept = {key: value for key, value in extra.items() if key != "information"}
    if isinstance(kept.get("limits"), list):
        kept["limits"] = [limit for limit in kept["limits"] if not limit.startswith("No weights")]
    return kept


def train_command(
    bundle: str | Path,
    output: str | Path,
    overrides: Mapping[str, Any],
    device: str,
    trust: bool,
    processes: int = 1,
    weights: str | Path | None = None,
) -> str:
    """The command line that repeats a training."""
    program = ["monai-gan"] if processes == 1 else ["torchrun", "--nproc_per_node", str(processes), "-m", "monai_gan"]
    values = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in overrides.items()]
    options = [
        *(["--device", device] if device != "auto" else []),
        *(["--trust"] if trust else []),
        *(["--weights", str(weights)] if weights is not None else []),
    ]
    return shlex.join([*program, "train", str(bundle), "-o", str(output), *values, *options])


def _weights(trainer: GANTrainer) -> Any:
    return trainer.ema.variant.inference_network.state_dict()
