"""f-AnoGAN: fast unsupervised anomaly detection (Schlegl et al. 2019, doi 10.1016/j.media.2019.01.010)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from monai_gan.losses import GradientPenalty
from monai_gan.networks.nets.detection import FAnoGANNetwork
from monai_gan.variants.base import Batch
from monai_gan.variants.coarse_noise import coarse_noise
from monai_gan.variants.step import Phase, Step
from monai_gan.variants.wgan_gp import WGANGP

GAN = "gan"


class FAnoGAN(WGANGP):
    """A WGAN-GP of normal images, then an encoder into its latent space.

    The encoder learns by the ``izi_f`` objective (equation 5): image to latent to image, compared by pixels and by the
    critic's features, with generator and critic at rest. ``batch["image"]`` holds normal images only. The paper's
    recipe: a residual generator and critic of 64 pixels, latents of 128, ``kappa=1``, rates of 1e-4 for the GAN (Adam)
    and 5e-5 for the encoder (RMSprop), ``n_critic=5``.

    Args:
        generator: latents (N, Z) to images (N, C, *S) in [-1, 1].
        discriminator: the critic; gives ``features(image)``.
        encoder: images to latents (N, Z).
        gan_iterations: generator steps of the GAN, after which the encoder learns.
        encoder_iterations: steps of the encoder alone, after which the generator follows it, the critic's features at
            rest, so that normal images which the GAN left out are reconstructed too; our addition. None: the encoder
            learns alone to the end, as in the paper.
        kappa: weight of the feature residual.
        noise: standard deviation of coarse noise on the encoder's input, which must not be reconstructed, see
            :func:`~monai_gan.variants.coarse_noise.coarse_noise`; our addition, 0 in the paper.
        penalty, drift: of the critic, as for :class:`~monai_gan.variants.WGANGP`.

    Raises:
        ValueError: a number of iterations is below 1, or ``noise`` is negative.
    """

    generator_names: Sequence[str] = ("generator", "encoder")

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        encoder: nn.Module,
        gan_iterations: int,
        encoder_iterations: int | None = None,
        kappa: float = 1.0,
        noise: float = 0.0,
        penalty: GradientPenalty | None = None,
        drift: float = 0.0,
    ) -> None:
        super().__init__(generator, discriminator, penalty, drift)
        for name, value in {"gan_iterations": gan_iterations, "encoder_iterations": encoder_iterations}.items():
            if value is not None and value < 1:
                raise ValueError(f"{name}={value} is not possible: give 1 or more.")
        if noise < 0:
            raise ValueError(f"noise={noise} is not possible: give 0 or more.")
        self.encoder = encoder
        self.gan_iterations = gan_iterations
        self.encoder_iterations = encoder_iterations
        self.kappa = kappa
        self.noise = noise

    @property
    def phases(self) -> Sequence[Phase]:
        gan = Phase(GAN, self.gan_iterations, ("discriminator", "generator"))
        if self.encoder_iterations is None:
            return gan, Phase("encoder", None, ("encoder",))
        alone = Phase("encoder", self.gan_iterations + self.encoder_iterations, ("encoder",))
        return gan, alone, Phase("fine tuning", None, ("encoder", "generator"))

    @property
    def inference_network(self) -> FAnoGANNetwork:
        """Encoder, generator and critic; a bundle's ``network_def``."""
        return FAnoGANNetwork(self.generator, self.encoder, self.discriminator, self.kappa)

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if step.phase.name == GAN or not step.main:
            return super().generator_losses(batch, step)
        # Their normalisation has learned its statistics; the latents of one batch must not change them.
        self.generator.eval()
        self.discriminator.eval()
        image = batch["image"]
        seen = coarse_noise(image, self.noise, step) if self.noise else image
        again = self.generator(self.encoder(seen))
        with torch.no_grad():
            features = self.discriminator.features(image)  # type: ignore[operator]
        features_again = self.discriminator.features(again)  # type: ignore[operator]
        return {
            "residual": nn.functional.mse_loss(again.float(), image.float()),
            "feature_residual": self.kappa * nn.functional.mse_loss(features_again.float(), features.float()),
        }
