"""Wasserstein GAN with weight clipping (Arjovsky, Chintala and Bottou 2017, arXiv 1701.07875)."""

from __future__ import annotations

import torch
from torch import nn

from monai_gan.losses import AdversarialLoss
from monai_gan.variants.base import Half, LatentGAN


class WGAN(LatentGAN):
    """The critic estimates the Wasserstein distance; clipping its weights keeps it Lipschitz (Algorithm 1).

    The paper's recipe: RMSprop with a rate of 5e-5, ``n_critic=5``, no momentum.

    Args:
        generator: latents (N, Z) to images (N, C, *S) in [-1, 1].
        discriminator: the critic, images to unbounded scores (N, 1).
        clip: every weight of the critic stays in [-clip, clip].

    Raises:
        ValueError: if ``clip`` is not positive.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module, clip: float = 0.01) -> None:
        if clip <= 0:
            raise ValueError(f"clip={clip} must be positive; the paper uses 0.01.")
        super().__init__(generator, discriminator, AdversarialLoss("wasserstein"))
        self.clip = clip

    @torch.no_grad()
    def project(self, half: Half) -> None:
        if half == "discriminator":
            for weight in self.discriminator.parameters():
                weight.clamp_(-self.clip, self.clip)
