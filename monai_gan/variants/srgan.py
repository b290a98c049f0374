"""SRGAN: super-resolution with a discriminator (Ledig et al. 2017, arXiv 1609.04802), and its successor's options."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from monai_gan.losses.adversarial import AdversarialLoss
from monai_gan.losses.weighted import ImageLoss, WeightedLosses
from monai_gan.variants.base import Batch
from monai_gan.variants.image_to_image import (
    PRETRAINING,
    ImageToImage,
    discriminator_loss,
    generator_loss,
    source_and_target,
)
from monai_gan.variants.step import Step


class SRGAN(ImageToImage):
    """A pixel-wise start, then content and adversarial losses (Ledig 2017, equation 3).

    ``batch["image"]`` is the low resolution, ``batch["target"]`` the high one. The paper's recipe: SRResNet, 1e6 steps
    of mean squared error alone, then the squared distance of VGG19 features, rescaled by 0.006 (that is 1 / 12.75^2),
    plus 1e-3 times the non-saturating loss; Adam with a rate of 1e-4, a tenth of it in the second half. ESRGAN (Wang et
    al. 2018) is ``RRDBNet`` with ``objective="relativistic_average"``, content of weight 1, L1 of weight 1e-2,
    ``adversarial_weight=5e-3`` and an L1 start.

    Args:
        generator: low resolution (N, C, *S) to high resolution (N, C, *kS).
        discriminator: judges images at the high resolution; returns logits or what
            :func:`~monai_gan.losses.feature_matching.judgement` reads.
        objective: name of the adversarial objective.
        content: losses of (result, target) by name in the adversarial phase, for instance
            :class:`~monai_gan.losses.PerceptualLoss`; the default is L1 of weight 1.
        weights: a factor per content loss.
        adversarial_weight: factor of the generator's adversarial loss.
        pretraining: loss of the first phase; the paper's is the default, the mean squared error.
        pretraining_iterations: generator steps of the first phase; 0 leaves it out.

    Raises:
        ValueError: when ``pretraining_iterations`` is negative.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: str = "non_saturating",
        content: Mapping[str, ImageLoss] | None = None,
        weights: Mapping[str, float] | None = None,
        adversarial_weight: float = 1e-3,
        pretraining: ImageLoss | None = None,
        pretraining_iterations: int = 0,
    ) -> None:
        super().__init__(generator, pretraining_iterations)
        self.discriminator = discriminator
        self.objective = AdversarialLoss(objective)
        self.content = WeightedLosses(
            {"l1": nn.L1Loss()} if content is None else content, {"l1": 1.0} if weights is None else weights
        )
        self.pretraining = WeightedLosses({"pixel": pretraining or nn.MSELoss()}, {"pixel": 1.0})
        self.adversarial_weight = adversarial_weight

    def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not step.main:
            return {}
        source, target = source_and_target(batch)
        with torch.no_grad():
            fake = self.generator(source)
        return {"adversarial": discriminator_loss(self.objective, self.discriminator, target, fake)}

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not step.main:
            return {}
        source, target = source_and_target(batch)
        fake = self.generator(source)
        if step.phase.name == PRETRAINING:
            return self.pretraining(fake, target)
        losses = self.content(fake, target)
        adversarial = generator_loss(self.objective, self.discriminator, fake, target)
        return {**losses, "adversarial": self.adversarial_weight * adversarial}
