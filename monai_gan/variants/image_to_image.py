"""The trunk of the variants that turn images into images."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from monai_gan.errors import InputError
from monai_gan.losses.adversarial import AdversarialLoss
from monai_gan.losses.feature_matching import judgement
from monai_gan.variants.base import Batch, Variant
from monai_gan.variants.step import Phase

PRETRAINING = "pretraining"


class ImageToImage(Variant):
    """A generator of images from images.

    Batches hold ``"image"`` (N, C, *S), the input, and ``"target"`` (N, C', *S'), what it shall become or, for unpaired
    training, images of the other kind; both in [-1, 1]. Neighbouring slices may be the channels of a 2-D input.

    Args:
        generator: input to result.
        pretraining_iterations: generator steps of a first phase that trains the generators alone; 0 leaves it out.

    Raises:
        ValueError: when ``pretraining_iterations`` is negative.
    """

    def __init__(self, generator: nn.Module, pretraining_iterations: int = 0) -> None:
        super().__init__()
        if pretraining_iterations < 0:
            raise ValueError(f"pretraining_iterations={pretraining_iterations} is not possible: give 0 or more.")
        self.generator = generator
        self.pretraining_iterations = pretraining_iterations

    @property
    def phases(self) -> Sequence[Phase]:
        if not self.pretraining_iterations:
            return super().phases
        first = Phase(PRETRAINING, self.pretraining_iterations, tuple(self.generator_names))
        return first, Phase("adversarial", None, tuple(self.networks))

    def latents(self, n: int, seed: int) -> Tensor:
        raise TypeError(f"{type(self).__name__} translates images and has no latents: give images to sample().")

    def sample(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Results (N, C', *S') for input images (N, C, *S)."""
        if labels is not None:
            raise ValueError(f"{type(self).__name__} has no classes: leave labels out (got {len(labels)}).")
        translated: Tensor = self.generator(latents)
        return translated


def source_and_target(batch: Batch) -> tuple[Tensor, Tensor]:
    """The two images of a batch.

    Raises:
        InputError: when there is no ``"target"``.
    """
    if "target" not in batch:
        raise InputError(f"The batch has no 'target', only {sorted(batch)}; pass prepare_batch to name the right key.")
    return batch["image"], batch["target"]


def discriminator_loss(objective: AdversarialLoss, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """What a discriminator minimises, whatever form its output has."""
    return objective.discriminator(judgement(discriminator(real)).logits, judgement(discriminator(fake)).logits)


def generator_loss(objective: AdversarialLoss, discriminator: nn.Module, fake: Tensor, real: Tensor) -> Tensor:
    """What a generator minimises; real images are judged only if the objective compares with them."""
    real_logits = judgement(discriminator(real)).logits if objective.needs_real else None
    return objective.generator(judgement(discriminator(fake)).logits, real_logits)
