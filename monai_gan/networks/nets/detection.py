"""Inference networks of the anomaly detectors: image in, reconstruction, anomaly map and score out."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from monai_gan.networks.blocks.residual_map import ResidualMap
from monai_gan.networks.blocks.resolution import check_no_label
from monai_gan.networks.nets.began import BEGANDiscriminator


class Detection(NamedTuple):
    """What a detector says of a batch of images.

    Attributes:
        score: (N,), higher for images that are less like the training images; without a unit.
        map: (N, 1, *S), at least 0, higher where an image is less like them.
        reconstruction: (N, C, *S), the image as the detector would have it.
    """

    score: Tensor
    map: Tensor
    reconstruction: Tensor


class DetectionNetwork(nn.Module):
    """The face that all detectors share: :meth:`detect` says everything, ``forward`` gives the map alone."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Anomaly maps (N, 1, *S) of images (N, C, *S) in [-1, 1].

        Raises:
            ValueError: when the images do not fit the network, or a label is given.
        """
        check_no_label(label)
        return self.detect(image).map

    def detect(self, image: Tensor) -> Detection:
        """Score, map and reconstruction of images (N, C, *S) in [-1, 1]; each image alone decides on its own."""
        raise NotImplementedError


class FAnoGANNetwork(DetectionNetwork):
    """f-AnoGAN at inference (Schlegl 2019, equations 5 to 7).

    The image goes through encoder and generator; the score is the mean squared residual plus ``kappa`` times that of
    the critic's features.

    Args:
        generator: latents (N, Z) to images.
        encoder: images to latents (N, Z).
        critic: gives ``features(image)``.
        kappa: weight of the feature residual in the score.
        sign, edge_floor, smoothing: of the map, see :class:`~monai_gan.networks.blocks.ResidualMap`.
    """

    def __init__(
        self,
        generator: nn.Module,
        encoder: nn.Module,
        critic: nn.Module,
        kappa: float = 1.0,
        sign: str = "both",
        edge_floor: float | None = None,
        smoothing: int = 0,
    ) -> None:
        super().__init__()
        self.generator = generator
        self.encoder = encoder
        self.critic = critic
        self.kappa = kappa
        self.residual = ResidualMap(sign, edge_floor, smoothing)

    def detect(self, image: Tensor) -> Detection:
        reconstruction = self.generator(self.encoder(image))
        features = self.critic.features(image) - self.critic.features(reconstruction)  # type: ignore[operator]
        score = _mean_square(image - reconstruction) + self.kappa * _mean_square(features)
        return Detection(score, self.residual(image, reconstruction), reconstruction)


class GANomalyNetwork(DetectionNetwork):
    """GANomaly at inference (Akcay 2018, equation 6): an image whose reconstruction has another latent is anomalous.

    The score is the mean absolute difference of the two latents. The paper has no map; the residual is our addition.

    Args:
        encoder: images to latents (N, Z).
        decoder: latents to images.
        second_encoder: reconstructions to latents.
        sign, edge_floor, smoothing: of the map, see :class:`~monai_gan.networks.blocks.ResidualMap`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        second_encoder: nn.Module,
        sign: str = "both",
        edge_floor: float | None = None,
        smoothing: int = 0,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.second_encoder = second_encoder
        self.residual = ResidualMap(sign, edge_floor, smoothing)

    def passes(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Latent, reconstruction and the latent of the reconstruction."""
        latent = self.encoder(image)
        reconstruction = self.decoder(latent)
        return latent, reconstruction, self.second_encoder(reconstruction)

    def detect(self, image: Tensor) -> Detection:
        latent, reconstruction, again = self.passes(image)
        score = (latent - again).float().abs().mean(1)
        return Detection(score, self.residual(image, reconstruction), reconstruction)


class ReconstructionNetwork(DetectionNetwork):
    """Any network from image to image as a detector: the score is the mean squared residual.

    Args:
        network: images to what they would be without an anomaly.
        sign, edge_floor, smoothing: of the map, see :class:`~monai_gan.networks.blocks.ResidualMap`.
    """

    def __init__(
        self, network: nn.Module, sign: str = "both", edge_floor: float | None = None, smoothing: int = 0
    ) -> None:
        super().__init__()
        self.network = network
        self.residual = ResidualMap(sign, edge_floor, smoothing)

    def detect(self, image: Tensor) -> Detection:
        reconstruction = self.network(image)
        return Detection(_mean_square(image - reconstruction), self.residual(image, reconstruction), reconstruction)


class BEGANNetwork(DetectionNetwork):
    """The discriminator of a boundary equilibrium GAN as a detector: it is an auto-encoder, and what it reconstructs
    badly is unlike its training images. The score is minus that of the discriminator, the error of the reconstruction.

    Args:
        discriminator: a trained :class:`~monai_gan.networks.nets.BEGANDiscriminator`.
        sign, edge_floor, smoothing: of the map, see :class:`~monai_gan.networks.blocks.ResidualMap`.
    """

    def __init__(
        self,
        discriminator: BEGANDiscriminator,
        sign: str = "both",
        edge_floor: float | None = None,
        smoothing: int = 0,
    ) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.residual = ResidualMap(sign, edge_floor, smoothing)

    def detect(self, image: Tensor) -> Detection:
        reconstruction, error = self.discriminator.reconstruction_error(image)
        return Detection(error, self.residual(image, reconstruction), reconstruction)


def _mean_square(x: Tensor) -> Tensor:
    return x.float().square().flatten(1).mean(1)
