"""pix2pix: image to image from pairs (Isola et al. 2017, arXiv 1611.07004)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from monai_gan.losses.adversarial import AdversarialLoss
from monai_gan.losses.feature_matching import Judgement, feature_matching_loss, judgement
from monai_gan.losses.weighted import ImageLoss, WeightedLosses
from monai_gan.variants.base import Batch
from monai_gan.variants.image_to_image import ImageToImage, source_and_target
from monai_gan.variants.step import Step


class Pix2Pix(ImageToImage):
    """A discriminator that sees input and result together, and a distance to the target (Isola 2017, equation 4).

    The paper's recipe: U-Net generator, patch discriminator, the non-saturating loss, L1 of weight 100, Adam with a
    rate of 2e-4 and betas (0.5, 0.999), batches of 1 to 10. Its noise is dropout, which the paper found to be ignored
    by the generator; here a generator without dropout gives one result per input.

    Args:
        generator: inputs (N, C, *S) to results (N, C', *S).
        discriminator: input and result as channels, (N, C + C', *S), to logits or what
            :func:`~monai_gan.losses.feature_matching.judgement` reads.
        objective: name of the adversarial objective.
        reconstruction: losses of (result, target) by name; the default is L1.
        weights: a factor per reconstruction loss.
        adversarial_weight: factor of the generator's adversarial loss; 0 leaves the L1 twin, which the same
            configuration trains for comparison.
        feature_matching_weight: factor of the distance of the discriminator's features (Wang et al. 2018).
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: str = "non_saturating",
        reconstruction: Mapping[str, ImageLoss] | None = None,
        weights: Mapping[str, float] | None = None,
        adversarial_weight: float = 1.0,
        feature_matching_weight: float = 0.0,
    ) -> None:
        super().__init__(generator)
        self.discriminator = discriminator
        self.objective = AdversarialLoss(objective)
        self.reconstruction = WeightedLosses(
            {"l1": nn.L1Loss()} if reconstruction is None else reconstruction,
            {"l1": 100.0} if weights is None else weights,
        )
        self.adversarial_weight = adversarial_weight
        self.feature_matching_weight = feature_matching_weight

    def judge(self, source: Tensor, image: Tensor) -> Judgement:
        """What the discriminator says of results beside their inputs."""
        output: Any = self.discriminator(torch.cat([source, image.to(source.dtype)], dim=1))
        return judgement(output)

    def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not step.main:
            return {}
        source, target = source_and_target(batch)
        with torch.no_grad():
            fake = self.generator(source)
        real_logits, fake_logits = self.judge(source, target).logits, self.judge(source, fake).logits
        # Halved, so that the discriminator learns more slowly than the generator (section 3.3).
        return {"adversarial": 0.5 * self.objective.discriminator(real_logits, fake_logits)}

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not step.main:
            return {}
        source, target = source_and_target(batch)
        fake = self.generator(source)
        losses = self.reconstruction(fake, target)
        if not (self.adversarial_weight or self.feature_matching_weight):
            return losses
        judged = self.judge(source, fake)
        real = None
        if self.objective.needs_real or self.feature_matching_weight:
            with torch.no_grad():
                real = self.judge(source, target)
        if self.adversarial_weight:
            adversarial = self.objective.generator(judged.logits, None if real is None else real.logits)
            losses["adversarial"] = self.adversarial_weight * adversarial
        if self.feature_matching_weight and real is not None:
            losses["feature_matching"] = self.feature_matching_weight * feature_matching_loss(judged, real)
        return losses
