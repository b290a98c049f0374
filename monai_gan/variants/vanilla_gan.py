"""The first generative adversarial network (Goodfellow et al. 2014, arXiv 1406.2661)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from monai_gan.losses import AdversarialLoss, GradientPenalty
from monai_gan.variants.base import LatentGAN


class VanillaGAN(LatentGAN):
    """Two multilayer perceptrons play a minimax game (equation 1).

    The paper's recipe: :class:`~monai_gan.networks.nets.MLPGenerator` and ``MLPDiscriminator``, one discriminator step
    per generator step (algorithm 1 with k = 1), and for the generator the objective of section 3, which keeps a strong
    gradient while the discriminator rejects its images with confidence.

    Args:
        generator: latents (N, Z) to images (N, C, *S) in [-1, 1].
        discriminator: images to logits (N, 1).
        objective: ``"non_saturating"`` (section 3), ``"minimax"`` (equation 1), or another name of an adversarial
            objective: ``"least_squares"`` makes this an LSGAN, ``"relativistic_paired"`` an RpGAN.
        penalties: of the discriminator's gradient; the paper has none.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: str = "non_saturating",
        penalties: Sequence[GradientPenalty] = (),
    ) -> None:
        super().__init__(generator, discriminator, AdversarialLoss(objective), penalties)
