"""Networks that are told a class and covariates: any generator and any critic of this package with a condition
(Mirza and Osindero 2014, arXiv 1411.1784; Miyato and Koyama 2018, arXiv 1802.05637; Odena 2017, arXiv 1610.09585)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from monai_gan.networks.blocks.conditioning import ConditionEmbedding, cycled_labels
from monai_gan.networks.blocks.resolution import check_latent
from monai_gan.networks.nets.base import ImageCritic, LatentGenerator
from monai_gan.networks.nets.mlp import MLPDiscriminator, MLPGenerator


class ConditionalGenerator(nn.Module):
    """A generator whose latent is joined by an embedding of the condition (Mirza 2014, figure 1).

    Args:
        generator: takes latents of length ``latent_size + embedding_size``.
        num_classes: classes, numbered from 0; 0 for none.
        num_covariates: continuous values per image, standardised; 0 for none.
        embedding_size: length of the embedding, below the generator's latent.

    Attributes:
        latent_size: length of the random part of the latent.

    Raises:
        ValueError: when there is no condition, or no room for a latent beside the embedding.
    """

    def __init__(
        self,
        generator: LatentGenerator | MLPGenerator,
        num_classes: int = 0,
        num_covariates: int = 0,
        embedding_size: int = 32,
    ) -> None:
        super().__init__()
        self.embedding = ConditionEmbedding(embedding_size, num_classes, num_covariates)
        self.generator = generator
        self.spatial_dims = generator.spatial_dims
        self.latent_size = generator.latent_size - embedding_size
        self.num_classes = num_classes
        self.num_covariates = num_covariates
        if self.latent_size < 1:
            raise ValueError(
                f"embedding_size={embedding_size} leaves no latent of the generator's {generator.latent_size}: "
                "make the embedding smaller or the generator's latent_size larger."
            )

    def forward(self, image: Tensor, label: Tensor | None = None, covariates: Tensor | None = None) -> Tensor:
        """Generate images.

        Args:
            image: latents (N, latent_size), standard normal.
            label: classes (N,); None takes them in turn, sample i being of class i modulo ``num_classes``.
            covariates: (N, num_covariates); None is their mean, zero.

        Returns:
            Images (N, C, *S) of the generator.

        Raises:
            ValueError: the latents have another width, or a label is out of range or not taken.
        """
        check_latent(image, self.latent_size)
        if label is None and self.num_classes > 0:
            label = cycled_labels(len(image), self.num_classes, image.device)
        if covariates is None and self.num_covariates > 0:
            covariates = torch.zeros(len(image), self.num_covariates, dtype=image.dtype, device=image.device)
        condition = self.embedding(label, covariates)
        generated: Tensor = self.generator(torch.cat([image, condition.to(image.dtype)], dim=1))
        return generated


class ConditionalDiscriminator(nn.Module):
    """A critic that judges an image together with its condition.

    Let phi be the activated features of the critic's last level, summed over space, and e the embedded condition.

    - ``"projection"``: the critic's logit plus the inner product of e and phi (Miyato 2018, equation 3);
    - ``"concatenation"``: e joins the image as constant channels (Mirza 2014, for convolutions);
    - ``"none"``: the logit says nothing of the condition; with ``classifier`` this is an AC-GAN (Odena 2017).

    Args:
        discriminator: the critic; for ``"concatenation"`` built for ``embedding_size`` channels more than the image.
        num_classes: classes, numbered from 0; 0 for none.
        num_covariates: continuous values per image, standardised; 0 for none.
        method: how the condition enters.
        embedding_size: constant channels of ``"concatenation"``; the projection takes the width of phi.
        classifier: add a linear head on phi that tells the class, see :meth:`judge`.

    Raises:
        ValueError: when the method is unknown, there is no condition, or the critic has no channels for it.
    """

    def __init__(
        self,
        discriminator: ImageCritic | MLPDiscriminator,
        num_classes: int = 0,
        num_covariates: int = 0,
        method: Literal["projection", "concatenation", "none"] = "projection",
        embedding_size: int = 4,
        classifier: bool = False,
    ) -> None:
        super().__init__()
        if method not in ("projection", "concatenation", "none"):
            raise ValueError(f"method={method!r} is unknown: use projection, concatenation or none.")
        if (method == "none" and not classifier) or (classifier and not num_classes):
            raise ValueError(
                f"method={method!r} with classifier={classifier} and num_classes={num_classes} knows no condition: "
                "give num_classes, and a classifier or another method."
            )
        self.discriminator = discriminator
        self.num_classes = num_classes
        self.method = method
        self.in_channels = discriminator.in_channels
        width = _width(discriminator)
        if method == "concatenation":
            self.in_channels -= embedding_size
            if self.in_channels < 1:
                raise ValueError(
                    f"in_channels={discriminator.in_channels} of the critic leave no image beside "
                    f"embedding_size={embedding_size}: build it for image and embedding together."
                )
        size = width if method == "projection" else embedding_size
        self.embedding = None if method == "none" else ConditionEmbedding(size, num_classes, num_covariates)
        if self.embedding is not None and method == "projection":
            # A start that is small beside the unconditional logit: phi is a sum over space.
            for parameter in self.embedding.parameters():
                nn.init.normal_(parameter, std=0.02)
        self.to_class = nn.Linear(width, num_classes) if classifier else None

    def forward(self, image: Tensor, label: Tensor | None = None, covariates: Tensor | None = None) -> Tensor:
        """Judge images under their conditions.

        Args:
            image: images (N, C, *S).
            label: classes (N,).
            covariates: (N, num_covariates).

        Returns:
            Logits or unbounded scores (N, 1).

        Raises:
            ValueError: the images have another shape, or a condition is missing or out of range.
        """
        return self.judge(image, label, covariates)[0]

    def judge(
        self, image: Tensor, label: Tensor | None = None, covariates: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """As :meth:`forward`, and the logits of the classes (N, num_classes), None without a classifier."""
        condition = None
        if self.embedding is not None:
            condition = self.embedding(label, covariates)
        if condition is not None and self.method == "concatenation":
            shape = (len(image), condition.shape[1], *image.shape[2:])
            maps = condition.reshape(*condition.shape, *[1] * (image.dim() - 2)).expand(shape)
            image = torch.cat([image, maps.to(image.dtype)], dim=1)
        features, logit = self.discriminator.features_and_logit(image)
        # Summed over space in float32: half precision has too few digits for hundreds of terms.
        pooled = features.flatten(2).float().sum(2)
        if condition is not None and self.method == "projection":
            logit = logit + (condition * pooled).sum(1, keepdim=True)
        return logit, None if self.to_class is None else self.to_class(pooled)


def _width(critic: ImageCritic | MLPDiscriminator) -> int:
    """Channels of the critic's last features, told by the linear layer that reads them."""
    if isinstance(critic, MLPDiscriminator):
        return critic.width
    last: nn.Linear = critic.to_logit[-1]  # type: ignore[index, assignment]
    return last.in_features // math.prod(critic.resolution.base)
