"""What generators from latents and discriminators of images share: sizes, checks, and the order of their parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from monai_gan.networks.blocks.resolution import (
    Resolution,
    check_image,
    check_latent,
    check_no_label,
    check_positive,
)


class LatentGenerator(nn.Module):
    """Latent to image in three parts that a subclass makes: ``project``, ``levels`` and ``to_image``.

    Args:
        spatial_dims: 2 or 3.
        latent_size: length of a latent vector.
        out_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.

    Attributes:
        resolution: base grid and number of doublings.

    Raises:
        ValueError: when a number is not positive or the size cannot be reached.
    """

    if TYPE_CHECKING:  # TorchScript cannot read annotations of modules
        project: nn.Module
        levels: nn.Module
        to_image: nn.Module

    def __init__(self, spatial_dims: int, latent_size: int, out_channels: int, image_size: int | Sequence[int]) -> None:
        super().__init__()
        check_positive(latent_size=latent_size, out_channels=out_channels)
        self.resolution = Resolution.of(spatial_dims, image_size)
        self.spatial_dims = spatial_dims
        self.latent_size = latent_size
        self.out_channels = out_channels
        self.image_size = self.resolution.image_size

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Generate images.

        Args:
            image: latents (N, latent_size), standard normal.
            label: must be None, the network has no classes.

        Returns:
            Images (N, out_channels, *image_size), in [-1, 1] with the default ``out_act``.

        Raises:
            ValueError: when the latents have another width or a label is given.
        """
        check_latent(image, self.latent_size)
        check_no_label(label)
        generated: Tensor = self.to_image(self.levels(self.project(image)))
        return generated


class ImageCritic(nn.Module):
    """Image to one number in two parts that a subclass makes: ``levels`` and ``to_logit``.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.

    Attributes:
        resolution: base grid and number of halvings.

    Raises:
        ValueError: when a number is not positive or the size cannot be reached.
    """

    if TYPE_CHECKING:
        levels: nn.Module
        to_logit: nn.Module

    def __init__(self, spatial_dims: int, in_channels: int, image_size: int | Sequence[int]) -> None:
        super().__init__()
        check_positive(in_channels=in_channels)
        self.resolution = Resolution.of(spatial_dims, image_size)
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels
        self.image_size = self.resolution.image_size
        self._size = list(self.resolution.image_size)  # TorchScript compares shapes as lists

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judge images.

        Args:
            image: images (N, in_channels, *image_size).
            label: must be None, the network has no classes.

        Returns:
            Logits or unbounded scores (N, 1), higher for images taken to be real.

        Raises:
            ValueError: when the images have another shape or a label is given.
        """
        check_no_label(label)
        logit: Tensor = self.to_logit(self.features(image))
        return logit

    def features(self, image: Tensor) -> Tensor:
        """The coarsest feature map (N, C', *base) of images, which the judgement is made of.

        Raises:
            ValueError: when the images have another shape.
        """
        check_image(image, self.in_channels, self._size)
        found: Tensor = self.levels(image)
        return found

    @torch.jit.unused
    def features_and_logit(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The activated features (N, width, *base) that the last layers read, and the logits (N, 1)."""
        # All but the last two, which flatten the features and weigh them.
        head: nn.Sequential = self.to_logit  # type: ignore[assignment]
        features: Tensor = head[:-2](self.features(image))
        return features, head[-2:](features)
