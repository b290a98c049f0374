"""InfoGAN: codes that the images must reveal (Chen et al. 2016, arXiv 1606.03657)."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.losses import AdversarialLoss, GradientPenalty
from monai_gan.networks.nets.infogan import InfoGANDiscriminator, InfoGANGenerator
from monai_gan.variants.base import Batch, Half, LatentGAN
from monai_gan.variants.step import Step


class InfoGAN(LatentGAN):
    """A GAN that also maximises a lower bound of the mutual information between codes and images (equations 5 and 6):
    L_I = H(c) + E log Q(c|x), with Q a second head on the discriminator's trunk.

    As in the authors' program the bound is a loss of both halves: of the generator, and of trunk and Q on generated
    images. The paper's recipe: DCGAN's networks and rates, weight 1 for categorical codes and less, such as 0.1, for
    continuous ones, whose bound has no upper limit.

    Args:
        generator: latents (N, Z), standard normal, to images; reads the codes from them.
        discriminator: with the head Q for the same codes.
        objective: name of the adversarial objective; the paper's is ``"non_saturating"``.
        categorical_weight: of the bound of the categorical codes.
        continuous_weight: of the bound of the continuous codes.
        penalty: of the discriminator's gradient, which the paper does without.

    Raises:
        ValueError: the discriminator estimates other codes than the generator has, or a weight is negative.
    """

    generator: InfoGANGenerator
    discriminator: InfoGANDiscriminator

    def __init__(
        self,
        generator: InfoGANGenerator,
        discriminator: InfoGANDiscriminator,
        objective: str = "non_saturating",
        categorical_weight: float = 1.0,
        continuous_weight: float = 0.1,
        penalty: GradientPenalty | None = None,
    ) -> None:
        super().__init__(generator, discriminator, AdversarialLoss(objective))
        for name, weight in (("categorical_weight", categorical_weight), ("continuous_weight", continuous_weight)):
            if not weight >= 0:
                raise ValueError(f"{name}={weight} would punish information: give 0 or more.")
        theirs, ours = discriminator.codes, generator.codes
        if (theirs.categories, theirs.continuous) != (ours.categories, ours.continuous):
            raise ValueError(
                f"the discriminator estimates categories={theirs.categories} and continuous={theirs.continuous}, the "
                f"generator has categories={ours.categories} and continuous={ours.continuous}: give both the same."
            )
        self.categorical_weight = categorical_weight
        self.continuous_weight = continuous_weight
        self.penalty = penalty

    @property
    def lazy_intervals(self) -> dict[Half, int]:
        return {"discriminator": self.penalty.interval} if self.penalty is not None else {}

    def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        real = batch["image"]
        with torch.no_grad():
            latents = self.fresh_latents(batch, step)
            fake = self.generator(latents)
        losses = {}
        if step.main:
            fake_logits, estimate = self.discriminator.judge(fake)
            losses.update(self.logit_losses(self.discriminator(real), fake_logits))
            losses.update(self.information_losses(latents, estimate))
        if step.regularizer:
            losses.update(self.discriminator_regularizers(real, fake, step))
        return losses

    def discriminator_regularizers(self, real: Tensor, fake: Tensor, step: Step) -> dict[str, Tensor]:
        if self.penalty is None:
            return {}
        epsilon = step.rand(len(real), device=real.device)
        return {"gradient_penalty": self.penalty(self.discriminator, real, fake, epsilon=epsilon, scale=step.scale)}

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not step.main:
            return {}
        latents = self.fresh_latents(batch, step)
        fake_logits, estimate = self.discriminator.judge(self.generator(latents))
        real_logits = self.discriminator(batch["image"]) if self.objective.needs_real else None
        return {
            "adversarial": self.objective.generator(fake_logits, real_logits),
            **self.information_losses(latents, estimate),
        }

    def information_losses(self, latents: Tensor, estimate: Tensor) -> dict[str, Tensor]:
        """Minus the weighted bounds of the categorical and of the continuous codes."""
        bounds = self.bounds(latents, estimate)
        kinds = len(self.generator.codes.categories)
        losses = {}
        if kinds:
            losses["categorical"] = -self.categorical_weight * bounds[:kinds].sum()
        if kinds < len(bounds):
            losses["continuous"] = -self.continuous_weight * bounds[kinds:].sum()
        return losses

    def bounds(self, latents: Tensor, estimate: Tensor) -> Tensor:
        """L_I of each code in nats, (codes,), for latents (N, Z) and what Q estimates of their images."""
        codes = self.generator.codes
        return codes.log_likelihood(codes(latents), estimate).mean(0) + codes.entropies

    @torch.no_grad()
    def information(self, latents: Tensor) -> dict[str, float]:
        """How much the images tell of the codes: L_I by the code's name in nats, on latents (N, Z) of your choice.

        For a categorical code also ``"<name>_share"``, L_I as a share of H(c): 1 if Q is always right and sure.
        Below 0 Q is worse than a guess. Give latents that were not trained on, by a seed of their own.
        """
        modes = [(network, network.training) for network in (self.generator, self.discriminator)]
        for network, _ in modes:
            network.eval()
        try:
            _, estimate = self.discriminator.judge(self.sample(latents))
        finally:
            for network, training in modes:
                network.train(training)
        codes = self.generator.codes
        bounds = self.bounds(latents, estimate)
        shares = (bounds / codes.entropies)[: len(codes.categories)]
        names = [*codes.names, *(f"{name}_share" for name in codes.names[: len(shares)])]
        return dict(zip(names, [*bounds.tolist(), *shares.tolist()], strict=True))
