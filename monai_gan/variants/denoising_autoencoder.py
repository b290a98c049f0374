"""Denoising auto-encoder for anomaly detection (Kascenas et al. 2022, "Denoising autoencoders for unsupervised anomaly
detection in brain MRI"): no GAN, but the baseline that one has to beat."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from monai_gan.networks.nets.detection import ReconstructionNetwork
from monai_gan.variants.base import Batch
from monai_gan.variants.coarse_noise import coarse_noise
from monai_gan.variants.image_to_image import ImageToImage
from monai_gan.variants.step import Step


class DenoisingAutoEncoder(ImageToImage):
    """A network from image to image learns to take coarse noise away; what it takes away of a new image is anomalous.

    It has no discriminator, and so no loss of one. The paper's recipe: a U-Net, noise of standard deviation 0.2 of the
    range on a grid of 16 x 16 nodes, squared error, Adam.

    Args:
        generator: a :class:`~monai_gan.networks.nets.ReconstructionNetwork`.
        noise: standard deviation of the noise, in images of [-1, 1].

    Raises:
        ValueError: ``noise`` is not positive.
    """

    discriminator_names: Sequence[str] = ()
    generator: ReconstructionNetwork

    def __init__(self, generator: ReconstructionNetwork, noise: float = 0.4) -> None:
        super().__init__(generator)
        if not noise > 0:
            raise ValueError(f"noise={noise} teaches a copy of the input: give more than 0.")
        self.noise = noise

    def sample(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Reconstructions (N, C, *S) of images."""
        if labels is not None:
            raise ValueError(f"DenoisingAutoEncoder has no classes: leave labels out (got {len(labels)}).")
        return self.generator.detect(latents).reconstruction

    def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        return {}

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        image: Tensor = batch["image"]
        again = self.generator.network(coarse_noise(image, self.noise, step))
        return {"residual": nn.functional.mse_loss(again.float(), image.float())}
