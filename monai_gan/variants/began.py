"""Boundary equilibrium GAN (Berthelot, Schumm and Metz 2017, arXiv 1703.10717)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from monai_gan.losses import AdversarialLoss
from monai_gan.networks.nets.began import BEGANDiscriminator
from monai_gan.variants.base import Batch, Half, LatentGAN
from monai_gan.variants.step import Step


class BEGAN(LatentGAN):
    """An auto-encoder as discriminator, whose reconstruction errors L of real and generated images are kept in balance.

    With the errors L(x) and L(G(z)), section 3.4: the discriminator minimises L(x) - k L(G(z)), the generator L(G(z)),
    and after each step of the discriminator ``k <- clip(k + lambda_k (gamma L(x) - L(G(z))), 0, 1)``. Both errors are
    those of the discriminator's batch, averaged over micro-batches and processes. The measure of convergence is
    ``M = L(x) + |gamma L(x) - L(G(z))|``. The paper's recipe: Adam with a rate of 1e-4, halved when M stalls, batch 16,
    :class:`~monai_gan.networks.nets.BEGANGenerator` and ``BEGANDiscriminator``.

    Args:
        generator: latents (N, Z) to images (N, C, *S) in [-1, 1].
        discriminator: images to scores (N, 1), each minus the error of a reconstruction.
        gamma: the diversity ratio L(G(z)) / L(x) that is aimed at, in (0, 1]; lower gives sharper, less varied images.
        rate: lambda_k, the step of k, above 0.
        repelling: weight of the mean squared cosine between the codes of a generated batch, which keeps a generator
            from making one image only (Zhao et al. 2017, EBGAN, section 2.4); 0 as in the paper of BEGAN.

    Attributes:
        k: weight of L(G(z)) in the discriminator's loss, a scalar; 0 at first.
        convergence: M of the last step.

    Raises:
        ValueError: ``gamma``, ``rate`` or ``repelling`` is out of range.
    """

    discriminator: BEGANDiscriminator

    def __init__(
        self,
        generator: nn.Module,
        discriminator: BEGANDiscriminator,
        gamma: float = 0.5,
        rate: float = 0.001,
        repelling: float = 0.0,
    ) -> None:
        # As a critic's score is higher for real images, the errors make this a Wasserstein game with a factor k.
        super().__init__(generator, discriminator, AdversarialLoss("wasserstein"))
        if not 0 < gamma <= 1:
            raise ValueError(f"gamma={gamma} is out of range: give more than 0 and at most 1.")
        if not rate > 0:
            raise ValueError(f"rate={rate} would leave k where it is: give a positive number such as 0.001.")
        if not repelling >= 0:
            raise ValueError(f"repelling={repelling} would draw the images together: give 0 or more.")
        self.gamma = gamma
        self.rate = rate
        self.repelling = repelling
        self.k: Tensor
        self.convergence: Tensor
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("convergence", torch.zeros(()))
        # Sums of the running step over micro-batches: L(x), L(G(z)) and how many.
        self._sums: Tensor
        self.register_buffer("_sums", torch.zeros(3), persistent=False)

    @property
    def figures(self) -> dict[str, Tensor]:
        return {"k": self.k, "convergence": self.convergence}

    def logit_losses(self, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        errors = -torch.stack([real_logits.detach().float().mean(), fake_logits.detach().float().mean()])
        self._sums += torch.cat([errors, errors.new_ones(1)])
        return {"adversarial": self.objective.discriminator(real_logits, self.k * fake_logits)}

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not self.repelling:
            return super().generator_losses(batch, step)
        scores, codes = self.discriminator.judge(self.fake(batch, step))
        return {
            "adversarial": self.objective.generator(scores),
            "repelling": self.repelling * _mean_squared_cosine(codes.float()),
        }

    def project(self, half: Half) -> None:
        """After the discriminator's step: move k and measure the convergence."""
        if half == "generator":
            return
        _sum_over_processes(self._sums)
        real, fake = self._sums[:2] / self._sums[2]
        balance = self.gamma * real - fake
        # A step of fp16 that overflowed must not spoil k for good.
        self.k.add_(self.rate * balance.nan_to_num(0.0, 0.0, 0.0)).clamp_(0.0, 1.0)
        self.convergence.copy_(real + balance.abs())
        self._sums.zero_()


def _mean_squared_cosine(codes: Tensor) -> Tensor:
    """Over all pairs of different rows."""
    n = len(codes)
    cosines = normalize(codes) @ normalize(codes).T
    return (cosines.square().sum() - n) / max(n * (n - 1), 1)


def _sum_over_processes(values: Tensor) -> None:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(values)
