"""GANomaly: anomaly detection by the latent of the reconstruction (Akcay et al. 2018, arXiv 1805.06725)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from monai_gan.losses import AdversarialLoss
from monai_gan.networks.nets.detection import GANomalyNetwork
from monai_gan.variants.base import Batch
from monai_gan.variants.coarse_noise import coarse_noise
from monai_gan.variants.image_to_image import ImageToImage, discriminator_loss
from monai_gan.variants.step import Step


class GANomaly(ImageToImage):
    """Encoder, decoder and a second encoder, all trained on normal images (Akcay 2018, equations 1 to 5).

    The generator minimises the distance of the discriminator's features (adversarial, weight 1), the L1 distance to the
    image (contextual, weight 50) and the squared distance of the two latents (encoder, weight 1). The paper's recipe:
    DCGAN networks of 32 pixels, latents of 100, Adam with a rate of 2e-4 and betas (0.5, 0.999).

    Args:
        generator: the whole inference network, with one optimizer.
        discriminator: images to logits; gives ``features(image)``.
        adversarial_weight, contextual_weight, encoder_weight: factors of the three losses.
        noise: standard deviation of coarse noise on the input, which must not be reconstructed, see
            :func:`~monai_gan.variants.coarse_noise.coarse_noise`; our addition, 0 in the paper.

    Raises:
        ValueError: ``noise`` is negative.
    """

    generator: GANomalyNetwork

    def __init__(
        self,
        generator: GANomalyNetwork,
        discriminator: nn.Module,
        adversarial_weight: float = 1.0,
        contextual_weight: float = 50.0,
        encoder_weight: float = 1.0,
        noise: float = 0.0,
    ) -> None:
        super().__init__(generator)
        if noise < 0:
            raise ValueError(f"noise={noise} is not possible: give 0 or more.")
        self.discriminator = discriminator
        self.objective = AdversarialLoss("non_saturating")
        self.adversarial_weight = adversarial_weight
        self.contextual_weight = contextual_weight
        self.encoder_weight = encoder_weight
        self.noise = noise

    def sample(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Reconstructions (N, C, *S) of images."""
        if labels is not None:
            raise ValueError(f"GANomaly has no classes: leave labels out (got {len(labels)}).")
        return self.generator.detect(latents).reconstruction

    def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not step.main:
            return {}
        with torch.no_grad():
            _, again, _ = self.generator.passes(self._seen(batch, step))
        return {"adversarial": discriminator_loss(self.objective, self.discriminator, batch["image"], again)}

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not step.main:
            return {}
        image = batch["image"]
        latent, again, latent_again = self.generator.passes(self._seen(batch, step))
        with torch.no_grad():
            features = self.discriminator.features(image)  # type: ignore[operator]
        features_again = self.discriminator.features(again)  # type: ignore[operator]
        distance = nn.functional
        return {
            "adversarial": self.adversarial_weight * distance.mse_loss(features_again.float(), features.float()),
            "contextual": self.contextual_weight * distance.l1_loss(again.float(), image.float()),
            "encoder": self.encoder_weight * distance.mse_loss(latent_again.float(), latent.float()),
        }

    def _seen(self, batch: Batch, step: Step) -> Tensor:
        image: Tensor = batch["image"]
        return coarse_noise(image, self.noise, step) if self.noise else image
