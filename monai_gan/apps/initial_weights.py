"""Weights that a training begins with in place of random ones: fine-tuning, and going on without a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from monai_gan.bundle import find_bundle
from monai_gan.bundle.files import WEIGHTS, sha256_of
from monai_gan.bundle.weights import check_state, load_state

if TYPE_CHECKING:
    from monai_gan.engines import GANTrainer


class InitialWeights:
    """Weights of the network that a bundle ships, such as the generator.

    Args:
        source: a bundle by name or path, or a file of weights.

    Attributes:
        sha256: checksum of the file, by which a training tells what it began with.

    Raises:
        InputError: there is no such bundle or file.
        WeightsError: the weights cannot be read.
    """

    def __init__(self, source: str | Path) -> None:
        path = Path(source).expanduser()
        self.path = path if path.is_file() and path.suffix.lower() != ".zip" else find_bundle(source) / WEIGHTS
        self.state = load_state(self.path)
        self.sha256 = sha256_of(self.path)

    def load(self, trainer: GANTrainer) -> None:
        """Give them to the network in training and to its average.

        Raises:
            WeightsError: they belong to another network.
        """
        for variant in (trainer.variant, trainer.ema.variant):
            check_state(variant.inference_network, self.state, f"The weights '{self.path}'")
