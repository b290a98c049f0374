"""A generator with codes and a discriminator that reads them back (Chen 2016, "InfoGAN: interpretable representation
learning by information maximizing generative adversarial nets", arXiv 1606.03657)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from monai_gan.networks.blocks.codes import LatentCodes
from monai_gan.networks.blocks.layers import LayerSpec, act_layer
from monai_gan.networks.blocks.resolution import check_latent, check_no_label, check_positive
from monai_gan.networks.nets.base import ImageCritic, LatentGenerator


class InfoGANGenerator(nn.Module):
    """Any generator from latents, the last entries of which become codes.

    Args:
        generator: makes the image of noise and codes; its ``latent_size`` counts both.
        categories: number of values of each categorical code.
        continuous: number of continuous codes, each uniform in [-1, 1].

    Attributes:
        codes: how codes are read from a latent.

    Raises:
        ValueError: as for :class:`~monai_gan.networks.blocks.LatentCodes`.
    """

    def __init__(self, generator: LatentGenerator, categories: Sequence[int] = (10,), continuous: int = 2) -> None:
        super().__init__()
        self.codes = LatentCodes(generator.latent_size, categories, continuous)
        self.generator = generator
        self.spatial_dims = generator.spatial_dims
        self.latent_size = generator.latent_size

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Generate images.

        Args:
            image: latents (N, latent_size), standard normal.
            label: must be None, the codes are part of the latent.

        Returns:
            Images (N, C, *S), in [-1, 1] if those of the generator are.

        Raises:
            ValueError: when the latents have another width or a label is given.
        """
        check_latent(image, self.latent_size)
        check_no_label(label)
        generated: Tensor = self.generator(self.codes(image))
        return generated


class InfoGANDiscriminator(nn.Module):
    """Any critic of images with a second head, Q(c|x), on its trunk: one hidden layer, then the estimate of the codes.

    Args:
        discriminator: a critic whose ``to_logit`` ends in a linear layer; both heads read its ``levels``.
        categories, continuous: as for the generator.
        channels: width of the hidden layer of Q (the paper's is 128).
        act: MONAI activation specification of Q.

    Attributes:
        codes: those that are estimated.

    Raises:
        ValueError: when ``channels`` is not positive, or the codes are not possible.
    """

    def __init__(
        self,
        discriminator: ImageCritic,
        categories: Sequence[int] = (10,),
        continuous: int = 2,
        channels: int = 128,
        act: LayerSpec = ("leakyrelu", {"negative_slope": 0.2}),
    ) -> None:
        super().__init__()
        check_positive(channels=channels)
        *_, last = discriminator.to_logit.children()
        self.codes = LatentCodes(1 + sum(categories) + continuous, categories, continuous)
        self.discriminator = discriminator
        self.to_estimate = nn.Sequential(
            nn.Flatten(),
            nn.Linear(last.in_features, channels),  # type: ignore[arg-type]
            act_layer(act),
            nn.Linear(channels, self.codes.estimate_size),
        )

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judge images (N, C, *S); see :class:`~monai_gan.networks.nets.DCGANDiscriminator`."""
        logit: Tensor = self.discriminator(image, label)
        return logit

    def judge(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Judge images and estimate their codes, with one pass through the trunk.

        Returns:
            Logits (N, 1), and what :meth:`~monai_gan.networks.blocks.LatentCodes.log_likelihood` reads.
        """
        features = self.discriminator.levels(image)
        return self.discriminator.to_logit(features), self.to_estimate(features)
