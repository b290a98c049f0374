"""CycleGAN: image to image without pairs (Zhu et al. 2017, arXiv 1703.10593)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from monai_gan.losses.adversarial import AdversarialLoss
from monai_gan.losses.weighted import ImageLoss, WeightedLosses
from monai_gan.networks.nets.two_way import TwoWayGenerator
from monai_gan.variants.base import Batch
from monai_gan.variants.image_pool import ImagePool
from monai_gan.variants.image_to_image import (
    PRETRAINING,
    ImageToImage,
    discriminator_loss,
    generator_loss,
    source_and_target,
)
from monai_gan.variants.step import Step


class CycleGAN(ImageToImage):
    """Two generators that undo each other, two discriminators (Zhu 2017, equation 3).

    Write A for the kind of ``batch["image"]`` and B for that of ``batch["target"]``; images of a batch belong to each
    other only by chance. The paper's recipe: residual generators, patch discriminators of 70 pixels with instance norm,
    the least squares objective, cycle weight 10, identity weight 5, a pool of 50 images, Adam with a rate of 2e-4 and
    betas (0.5, 0.999), batches of 1.

    Args:
        generator: A to B.
        inverse_generator: B to A.
        discriminator: judges images of B; returns logits or what
            :func:`~monai_gan.losses.feature_matching.judgement` reads.
        inverse_discriminator: judges images of A.
        objective: name of the adversarial objective.
        cycle: losses of (image after the round trip, image) by name; the default is L1. SSIM and mutual information
            (``monai.losses.GlobalMutualInformationLoss``) serve where L1 punishes a change of contrast.
        weights: a factor per cycle loss.
        identity_weight: factor of the L1 distance between an image of B and what ``generator`` makes of it, and so for
            A; needs as many channels in A as in B; 0 leaves it out.
        pool_size: generated images of the past per discriminator.
        start: what images look like in the other kind at a first guess, from (images, images of the other kind), for
            instance :class:`~monai_gan.variants.HistogramStart`; the generators learn it by L1 in a first phase. Our
            addition for contrasts that are each other's negative.
        start_weight: factor of that L1 distance after the first phase: without it the round trip, which an image of
            unchanged contrast survives best, soon leads back.
        pretraining_iterations: generator steps of that phase.

    Raises:
        ValueError: when ``pretraining_iterations`` is negative, one of it and ``start`` is given without the other, or
            ``start_weight`` is negative or given without ``start``.
    """

    discriminator_names: Sequence[str] = ("discriminator", "inverse_discriminator")
    generator_names: Sequence[str] = ("generator", "inverse_generator")

    def __init__(
        self,
        generator: nn.Module,
        inverse_generator: nn.Module,
        discriminator: nn.Module,
        inverse_discriminator: nn.Module,
        objective: str = "least_squares",
        cycle: Mapping[str, ImageLoss] | None = None,
        weights: Mapping[str, float] | None = None,
        identity_weight: float = 5.0,
        pool_size: int = 50,
        start: Callable[[Tensor, Tensor], Tensor] | None = None,
        start_weight: float = 0.0,
        pretraining_iterations: int = 0,
    ) -> None:
        super().__init__(generator, pretraining_iterations)
        if (start is None) != (pretraining_iterations == 0):
            raise ValueError(
                f"start={start} and pretraining_iterations={pretraining_iterations} go together: give both, or neither."
            )
        if start_weight < 0 or (start_weight and start is None):
            raise ValueError(f"start_weight={start_weight} is not possible: give 0 or more, and a start.")
        self.start = start
        self.start_weight = start_weight
        self.inverse_generator = inverse_generator
        self.discriminator = discriminator
        self.inverse_discriminator = inverse_discriminator
        self.objective = AdversarialLoss(objective)
        self.cycle = WeightedLosses(
            {"cycle": nn.L1Loss()} if cycle is None else cycle, {"cycle": 10.0} if weights is None else weights
        )
        self.identity_weight = identity_weight
        self.pool = ImagePool(pool_size)
        self.inverse_pool = ImagePool(pool_size)

    @property
    def inference_network(self) -> nn.Module:
        """Both generators; a bundle's ``network_def`` is a :class:`~monai_gan.networks.nets.TwoWayGenerator`."""
        return TwoWayGenerator(self.generator, self.inverse_generator)

    def sample(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Results (N, C', *S) for input images (N, C, *S); the label 1 leads from the second kind to the first."""
        translated: Tensor = self.inference_network(latents, labels)
        return translated

    def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not step.main:
            return {}
        a, b = source_and_target(batch)
        with torch.no_grad():
            fake_b = self.pool(self.generator(a), step)
            fake_a = self.inverse_pool(self.inverse_generator(b), step)
        # Halved, so that the discriminators learn more slowly than the generators (section 4).
        return {
            "adversarial": 0.5 * discriminator_loss(self.objective, self.discriminator, b, fake_b),
            "inverse_adversarial": 0.5 * discriminator_loss(self.objective, self.inverse_discriminator, a, fake_a),
        }

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not step.main:
            return {}
        a, b = source_and_target(batch)
        fake_b, fake_a = self.generator(a), self.inverse_generator(b)
        pretraining = step.phase.name == PRETRAINING
        losses: dict[str, Tensor] = {}
        if self.start is not None and (pretraining or self.start_weight):
            weight = 1.0 if pretraining else self.start_weight
            losses["start"] = weight * _l1(fake_b, self.start(a, b))
            losses["inverse_start"] = weight * _l1(fake_a, self.start(b, a))
        if pretraining:
            return losses
        losses |= {
            "adversarial": generator_loss(self.objective, self.discriminator, fake_b, b),
            "inverse_adversarial": generator_loss(self.objective, self.inverse_discriminator, fake_a, a),
        }
        losses.update(self.cycle(self.inverse_generator(fake_b), a))
        losses.update({f"inverse_{name}": loss for name, loss in self.cycle(self.generator(fake_a), b).items()})
        if self.identity_weight:
            losses["identity"] = self.identity_weight * _l1(self.generator(b), b)
            losses["inverse_identity"] = self.identity_weight * _l1(self.inverse_generator(a), a)
        return losses


def _l1(image: Tensor, target: Tensor) -> Tensor:
    return nn.functional.l1_loss(image.float(), target.float())
