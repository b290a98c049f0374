"""AnoGAN: the latent of an image found by search, the slow reference of f-AnoGAN (Schlegl 2017, arXiv 1703.05921)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from monai_gan.networks.blocks.residual_map import ResidualMap
from monai_gan.networks.blocks.resolution import check_positive
from monai_gan.networks.nets.detection import Detection, DetectionNetwork


class AnoGANNetwork(DetectionNetwork):
    """Searches the latent whose image is nearest, by gradient descent, for each image anew (equations 2 to 6).

    The loss, which is the score too, is ``(1 - feature_weight)`` times the mean absolute residual plus
    ``feature_weight`` times that of the critic's features; the paper sums over pixels. Every search starts at the same
    latent, drawn from ``seed``, so that the score of an image depends on nothing else.

    Args:
        generator: latents (N, Z) to images; has ``latent_size``.
        critic: gives ``features(image)``.
        steps: of Adam; the paper takes 500.
        rate: of Adam.
        feature_weight: lambda of the paper.
        seed: of the start.
        sign, edge_floor, smoothing: of the map, see :class:`~monai_gan.networks.blocks.ResidualMap`.

    Raises:
        ValueError: ``steps`` is below 1.
    """

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        steps: int = 500,
        rate: float = 0.05,
        feature_weight: float = 0.1,
        seed: int = 0,
        sign: str = "both",
        edge_floor: float | None = None,
        smoothing: int = 0,
    ) -> None:
        super().__init__()
        check_positive(steps=steps)
        self.generator = generator
        self.critic = critic
        self.steps = steps
        self.rate = rate
        self.feature_weight = feature_weight
        self.seed = seed
        self.residual = ResidualMap(sign, edge_floor, smoothing)

    @torch.jit.unused
    def search(self, image: Tensor) -> Tensor:
        """Latents (N, Z) of images (N, C, *S); works within ``torch.no_grad`` and ``torch.inference_mode`` too."""
        with torch.inference_mode(False), torch.enable_grad():
            wanted = image.detach().clone()
            generator = torch.Generator().manual_seed(self.seed)
            start = torch.randn(1, int(self.generator.latent_size), generator=generator)  # type: ignore[arg-type]
            latent = start.to(wanted).repeat(len(wanted), 1).requires_grad_()
            # Adam scales each number of a latent by its own gradients: images do not touch each other.
            optimizer = torch.optim.Adam([latent], self.rate)
            for _ in range(self.steps):
                (latent.grad,) = torch.autograd.grad(self.loss(wanted, self.generator(latent)).sum(), latent)
                optimizer.step()
            return latent.detach()

    def loss(self, image: Tensor, reconstruction: Tensor) -> Tensor:
        """The loss (N,) of the search."""
        features = self.critic.features(image) - self.critic.features(reconstruction)  # type: ignore[operator]
        residual = (image - reconstruction).abs().flatten(1).mean(1)
        return (1 - self.feature_weight) * residual + self.feature_weight * features.abs().flatten(1).mean(1)

    def detect(self, image: Tensor) -> Detection:
        reconstruction = self.generator(self.search(image))
        return Detection(self.loss(image, reconstruction), self.residual(image, reconstruction), reconstruction)
