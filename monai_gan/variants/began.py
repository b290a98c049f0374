"""Boundary equilibrium GAN (Berthelot, Schumm and Metz 2017, arXiv 1703.10717)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from monai_gan.losses import AdversarialLoss
from monai_gan.variants.base import Half, LatentGAN


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
        gamma: the diversity ratio L(G(z)) / L(x) that is aimed at, above 0; lower gives sharper, less varied images.
            The paper's range ends at 1, but flat images meet a ratio below 1 as long as the auto-encoder reconstructs
            them better than real ones, so that short trainings want more.
        rate: lambda_k, the step of k, above 0.

    Attributes:
        k: weight of L(G(z)) in the discriminator's loss, a scalar; 0 at first.
        convergence: M of the last step.

    Raises:
        ValueError: ``gamma`` or ``rate`` is out of range.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module, gamma: float = 0.5, rate: float = 0.001) -> None:
        # As a critic's score is higher for real images, the errors make this a Wasserstein game with a factor k.
        super().__init__(generator, discriminator, AdversarialLoss("wasserstein"))
        if not gamma > 0:
            raise ValueError(f"gamma={gamma} asks for perfect reconstructions: give a positive number such as 0.5.")
        if not rate > 0:
            raise ValueError(f"rate={rate} would leave k where it is: give a positive number such as 0.001.")
        self.gamma = gamma
        self.rate = rate
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


def _sum_over_processes(values: Tensor) -> None:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(values)
