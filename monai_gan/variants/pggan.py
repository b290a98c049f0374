"""Progressive growing of GANs (Karras et al. 2018, arXiv 1710.10196)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from monai_gan.losses import GradientPenalty
from monai_gan.networks.blocks.resolution import check_positive
from monai_gan.networks.nets.pggan import PGGANDiscriminator, PGGANGenerator
from monai_gan.variants.base import Batch
from monai_gan.variants.step import Phase, Step
from monai_gan.variants.wgan_gp import WGANGP


class PGGAN(WGANGP):
    """WGAN-GP from the base grid upwards: each doubling fades in, then training goes on at that size (figure 2).

    Real images are shrunk to the size in use, and fade in like the generated ones (section 2, appendix A). The paper's
    recipe: Adam with a rate of 1e-3 and betas (0, 0.99), one critic step per generator step, 800 000 images per fade
    and per hold, averaged weights (0.999), batches that shrink as the images grow.

    Args:
        generator: latents (N, Z) to images (N, C, *S) in [-1, 1].
        discriminator: the critic, of the same image size.
        penalty: the gradient penalty; two-sided with weight 10 by default.
        drift: epsilon_drift, weight of E[D(real)^2] (appendix A.1).
        fade_iterations: iterations in which a doubling fades in.
        hold_iterations: iterations at a size before the next one fades in; the full size is held to the end.

    Raises:
        ValueError: when a number of iterations is not positive, or the networks differ in size.
    """

    generator: PGGANGenerator
    discriminator: PGGANDiscriminator

    def __init__(
        self,
        generator: PGGANGenerator,
        discriminator: PGGANDiscriminator,
        penalty: GradientPenalty | None = None,
        drift: float = 0.001,
        fade_iterations: int = 1000,
        hold_iterations: int = 1000,
    ) -> None:
        super().__init__(generator, discriminator, penalty, drift)
        check_positive(fade_iterations=fade_iterations, hold_iterations=hold_iterations)
        if generator.image_size != discriminator.image_size:
            raise ValueError(
                f"image_size={discriminator.image_size} of the discriminator is not the generator's "
                f"{generator.image_size}: they grow together, so give both one size."
            )
        self.fade_iterations = fade_iterations
        self.hold_iterations = hold_iterations

    @property
    def phases(self) -> tuple[Phase, ...]:
        base, levels = self.generator.resolution.base, self.generator.resolution.levels
        trained = tuple(self.networks)
        phases, until = [], 0
        for level in range(levels + 1):
            size = " x ".join(str(pixels * 2**level) for pixels in base)
            if level:
                until += self.fade_iterations
                phases.append(Phase(f"fade in {size}", until, trained))
            until += self.hold_iterations
            phases.append(Phase(f"hold {size}", until if level < levels else None, trained))
        return tuple(phases)

    def growth(self, step: Step) -> float:
        """How far the networks have grown at a step."""
        level, fading = divmod(self.phases.index(step.phase), 2)
        # The fraction is read in a fade only: a hold is the same at every step, and can be a CUDA graph.
        return level + step.fraction if fading else float(level)

    def fake(self, batch: Batch, step: Step) -> Tensor:
        """As many images as the batch holds, of the size in use; the generator remembers how far it has grown."""
        real, growth = batch["image"], self.growth(step)
        self.generator.growth.fill_(growth)  # type: ignore[operator]
        return self.generator.generate(step.randn(len(real), self.generator.latent_size, device=real.device), growth)

    def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        growth = self.growth(step)
        real = self.discriminator.shrink(batch["image"], growth)
        with torch.no_grad():
            fake = self.fake(batch, step)
        losses = {}
        if step.main:
            judge = self.discriminator.judge
            losses.update(self.logit_losses(judge(real, growth), judge(fake, growth)))
        if step.regularizer:
            losses.update(self.discriminator_regularizers(real, fake, step))
        return losses

    def discriminator_regularizers(self, real: Tensor, fake: Tensor, step: Step) -> dict[str, Tensor]:
        critic = partial(self.discriminator.judge, growth=self.growth(step))
        epsilon = step.rand(len(real), device=real.device)
        return {"gradient_penalty": self.penalty(critic, real, fake, epsilon=epsilon, scale=step.scale)}

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not step.main:
            return {}
        fake_logits = self.discriminator.judge(self.fake(batch, step), self.growth(step))
        return {"adversarial": self.objective.generator(fake_logits)}
