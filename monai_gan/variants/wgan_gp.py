"""Wasserstein GAN with gradient penalty (Gulrajani et al. 2017, arXiv 1704.00028)."""

from __future__ import annotations

from torch import Tensor, nn

from monai_gan.losses import AdversarialLoss, GradientPenalty
from monai_gan.variants.base import Half, LatentGAN
from monai_gan.variants.step import Step


class WGANGP(LatentGAN):
    """A penalty on the critic's gradient norm, taken between real and fake images, replaces weight clipping (eq. 3).

    The paper's recipe: Adam with a rate of 1e-4 and betas (0, 0.9), ``n_critic=5``, penalty weight 10, no batch
    normalisation in the critic.

    Args:
        generator: latents (N, Z) to images (N, C, *S) in [-1, 1].
        discriminator: the critic, images to unbounded scores (N, 1).
        penalty: the gradient penalty; two-sided with weight 10 by default.
        drift: weight of E[D(real)^2], which keeps the scores near zero (Karras 2018 uses 0.001).
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        penalty: GradientPenalty | None = None,
        drift: float = 0.0,
    ) -> None:
        super().__init__(generator, discriminator, AdversarialLoss("wasserstein"))
        self.penalty = penalty or GradientPenalty()
        self.drift = drift

    @property
    def lazy_intervals(self) -> dict[Half, int]:
        return {"discriminator": self.penalty.interval}

    def logit_losses(self, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        losses = super().logit_losses(real_logits, fake_logits)
        if self.drift:
            losses["drift"] = self.drift * real_logits.float().square().mean()
        return losses

    def discriminator_regularizers(self, real: Tensor, fake: Tensor, step: Step) -> dict[str, Tensor]:
        return {"gradient_penalty": self.penalise(self.penalty, self.discriminator, real, fake, step)}
