"""BigGAN (Brock, Donahue and Simonyan 2019, arXiv 1809.11096)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from monai_gan.data import seeded_latents, truncate_latents
from monai_gan.losses import AdversarialLoss
from monai_gan.networks.blocks.conditioning import cycled_labels
from monai_gan.networks.standing import standing_statistics
from monai_gan.variants.base import Batch, LatentGAN
from monai_gan.variants.classes import check_classes
from monai_gan.variants.conditions import FakeLabels, check_fake_labels, condition_of, fake_condition
from monai_gan.variants.step import Step


class BigGAN(LatentGAN):
    """A class-conditional GAN with hinge loss, orthogonal regularisation, truncation and standing statistics.

    The networks are :class:`~monai_gan.networks.nets.BigGANGenerator` and ``BigGANDiscriminator``. The paper's recipe:
    Adam with betas (0, 0.999) and rates of 5e-5 for the generator and 2e-4 for the discriminator, two discriminator
    steps per generator step, averaged weights (0.9999), batches of 256 to 2048.

    Args:
        generator: latents (N, Z) and classes (N,) to images (N, C, *S) in [-1, 1]; has ``num_classes``, and the
            embedding of the classes as ``embedding``.
        discriminator: images and classes to logits (N, 1).
        objective: name of the adversarial objective.
        orthogonal_weight: beta of the orthogonal regularisation (equation 3); 0 leaves it out.
        truncation: largest magnitude of the latents of :meth:`latents`; None for no limit.
        standing_batches: batches of 64 images over which batch statistics are measured before the export.
        fake_labels: classes of the generated images, ``"batch"``: those of the batch, or ``"uniform"``.

    Raises:
        ValueError: an unknown objective or ``fake_labels``, or a number out of its range.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: str = "hinge",
        orthogonal_weight: float = 1e-4,
        truncation: float | None = None,
        standing_batches: int = 16,
        fake_labels: FakeLabels = "batch",
    ) -> None:
        super().__init__(generator, discriminator, AdversarialLoss(objective))
        check_fake_labels(fake_labels)
        if not orthogonal_weight >= 0:
            raise ValueError(f"orthogonal_weight={orthogonal_weight} would reward likeness: give 0 or more.")
        if truncation is not None and not truncation > 0:
            raise ValueError(f"truncation={truncation} leaves no latent: give a number above 0, or None.")
        self.num_classes = int(generator.num_classes)  # type: ignore[arg-type]
        self.orthogonal_weight = orthogonal_weight
        self.truncation = truncation
        self.standing_batches = standing_batches
        self.fake_labels: FakeLabels = fake_labels

    def check_data(self, dataset: Any) -> None:
        check_classes(dataset, self.num_classes)

    def check_batch(self, batch: Batch) -> None:
        condition_of(batch, self.num_classes)

    def made(self, batch: Batch, step: Step) -> tuple[Tensor, Tensor]:
        """As many images as the batch holds, and their classes."""
        label = fake_condition(condition_of(batch, self.num_classes), self.fake_labels, self.num_classes, step).label
        latents = step.randn(len(label), int(self.generator.latent_size), device=label.device)  # type: ignore[arg-type, union-attr]
        return self.generator(latents, label), label  # type: ignore[return-value]

    def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        real, label = batch["image"], condition_of(batch, self.num_classes).label
        with torch.no_grad():
            fake, fake_label = self.made(batch, step)
        # One pass for both: the spectral norms are then estimated once.
        logits = self.discriminator(torch.cat([real, fake]), torch.cat([label, fake_label]))  # type: ignore[list-item]
        return self.logit_losses(*logits.chunk(2))

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        fake, label = self.made(batch, step)
        real_logits = None
        if self.objective.needs_real:
            real_logits = self.discriminator(batch["image"], condition_of(batch, self.num_classes).label)
        losses = {"adversarial": self.objective.generator(self.discriminator(fake, label), real_logits)}
        if self.orthogonal_weight:
            losses["orthogonal"] = self.orthogonal_weight * self.likeness()
        return losses

    def likeness(self) -> Tensor:
        """Sum over the generator's weights W of the squares of W W^T off its diagonal (equation 3).

        The rows of W are its filters. The embedding of the classes is left out, which is no filter.
        """
        named = self.generator.named_parameters()
        weights = [w for name, w in named if w.dim() > 1 and not name.startswith("embedding")]
        with torch.autocast(weights[0].device.type, enabled=False):
            products = [w.flatten(1) @ w.flatten(1).t() for w in weights]
            return torch.stack([p.square().sum() - p.diagonal().square().sum() for p in products]).sum()

    def settle(self) -> None:
        """Standing statistics: batch statistics of the averaged weights themselves (section 3.1)."""
        standing_statistics(self.generator, self._standing())

    def _standing(self) -> Iterator[tuple[Tensor, Tensor]]:
        device = next(self.generator.parameters()).device
        for index in range(self.standing_batches):
            yield self.latents(64, seed=index).to(device), cycled_labels(64, self.num_classes, device)

    def latents(self, n: int, seed: int) -> Tensor:
        latents = seeded_latents(n, int(self.generator.latent_size), seed)  # type: ignore[arg-type]
        return latents if self.truncation is None else truncate_latents(latents, self.truncation)

    def sample(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, *S) in [-1, 1]; without labels of all classes in turn."""
        return self.generator(latents, labels)
