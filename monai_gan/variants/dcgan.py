"""Deep convolutional GAN (Radford, Metz and Chintala 2016, arXiv 1511.06434)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from monai_gan.losses import AdversarialLoss, GradientPenalty
from monai_gan.variants.base import LatentGAN


class DCGAN(LatentGAN):
    """Strided convolutions with batch normalisation, trained with the non-saturating loss (Goodfellow 2014).

    The paper's recipe: :class:`~monai_gan.networks.nets.DCGANGenerator` and ``DCGANDiscriminator``, Adam with a rate of
    2e-4 and betas (0.5, 0.999), one discriminator step per generator step.

    Args:
        generator: latents (N, Z) to images (N, C, *S) in [-1, 1].
        discriminator: images to logits (N, 1).
        objective: name of the adversarial objective; the paper's is ``"non_saturating"``.
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
