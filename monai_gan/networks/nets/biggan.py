"""Generator and projection discriminator of BigGAN (Brock 2019, "Large scale GAN training for high fidelity natural
image synthesis", arXiv 1809.11096), in two and three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from monai.networks.layers.factories import Conv
from torch import Tensor, nn

from monai_gan.networks.blocks.attention import SelfAttention
from monai_gan.networks.blocks.conditional_norm import ConditionalUpBlock
from monai_gan.networks.blocks.conditioning import check_label, cycled_labels
from monai_gan.networks.blocks.layers import LayerSpec, act_layer, norm_act_layers
from monai_gan.networks.blocks.residual import ResidualDownBlock
from monai_gan.networks.blocks.resolution import Resolution, check_image, check_latent, check_positive, level_widths
from monai_gan.networks.blocks.spectral import spectrally_normalised
from monai_gan.networks.nets.base import ImageCritic, LatentGenerator


class BigGANGenerator(LatentGenerator):
    """Latent and class to image: residual blocks with conditional batch normalisation (Brock 2019, appendix B).

    The latent is cut into equal pieces: the first makes the base grid, each block gets one of the others (hierarchical
    latents) together with the embedding of the class, which all blocks share. Spectral norm everywhere but in the
    embedding; weights start orthogonal.

    Args:
        spatial_dims: 2 or 3.
        num_classes: classes, numbered from 0.
        latent_size: length of a latent vector, a multiple of the number of doublings plus one.
        out_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.
        channels: width at the image's resolution; it doubles per level towards the base.
        max_channels: largest width.
        embedding_size: length of the class embedding.
        attention_level: halvings of the image size at which self-attention sits; None leaves it out.
        act: MONAI activation specification.
        out_act: MONAI activation specification of the image, or None.

    Raises:
        ValueError: when a number is not possible or the size cannot be reached.
    """

    if TYPE_CHECKING:
        levels: nn.ModuleList

    def __init__(
        self,
        spatial_dims: int,
        num_classes: int,
        latent_size: int = 80,
        out_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        channels: int = 16,
        max_channels: int = 256,
        embedding_size: int = 32,
        attention_level: int | None = 2,
        act: LayerSpec = "relu",
        out_act: LayerSpec = "tanh",
    ) -> None:
        super().__init__(spatial_dims, latent_size, out_channels, image_size)
        check_positive(
            num_classes=num_classes, channels=channels, max_channels=max_channels, embedding_size=embedding_size
        )
        self.num_classes = num_classes
        base, depth = self.resolution.base, self.resolution.levels
        self.piece = _piece(latent_size, depth + 1)
        widths = level_widths(channels, max_channels, depth + 1)[::-1]
        self.embedding = nn.Embedding(num_classes, embedding_size)
        self.project = nn.Sequential(
            nn.Linear(self.piece, widths[0] * math.prod(base)), nn.Unflatten(1, (widths[0], *base))
        )
        self.levels = nn.ModuleList(
            ConditionalUpBlock(spatial_dims, width, next_width, embedding_size + self.piece, act)
            for width, next_width in pairwise(widths)
        )
        self.attended = _attended(self.resolution, attention_level)
        if attention_level is not None:
            self.attention = SelfAttention(spatial_dims, widths[depth - attention_level])
        self.to_image = nn.Sequential(
            *norm_act_layers("batch", act, spatial_dims, widths[-1]),
            Conv[Conv.CONV, spatial_dims](widths[-1], out_channels, 3, padding=1),
            act_layer(out_act),
        )
        self.apply(_start_orthogonal)
        for name, part in self.named_children():
            if name != "embedding":
                spectrally_normalised(part)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Generate images.

        Args:
            image: latents (N, latent_size), standard normal.
            label: classes (N,); None takes them in turn, sample i being of class i modulo ``num_classes``.

        Returns:
            Images (N, out_channels, *image_size), in [-1, 1] with the default ``out_act``.

        Raises:
            ValueError: when the latents have another width or a label is out of range.
        """
        check_latent(image, self.latent_size)
        if label is None:
            label = cycled_labels(len(image), self.num_classes, image.device)
        check_label(label, self.num_classes)
        shared = self.embedding(label)
        first, *rest = image.split(self.piece, dim=1)
        x = self.project(first)
        for level, (block, piece) in enumerate(zip(self.levels, rest, strict=True), start=1):
            x = block(x, torch.cat([shared, piece], dim=1))
            if level == self.attended:
                x = self.attention(x)
        generated: Tensor = self.to_image(x)
        return generated


class BigGANDiscriminator(ImageCritic):
    """Image and class to one logit: residual blocks, self-attention, and projection on the class (Miyato 2018).

    With phi the activated features summed over space, the logit is ``linear(phi) + <embedding(label), phi>``. Spectral
    norm everywhere; weights start orthogonal.

    Args:
        spatial_dims: 2 or 3.
        num_classes: classes, numbered from 0.
        in_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.
        channels: width at the image's resolution; it doubles per level towards the base.
        max_channels: largest width.
        attention_level: halvings of the image size at which self-attention sits; None leaves it out.
        act: MONAI activation specification.

    Raises:
        ValueError: when a number is not possible or the size cannot be reached.
    """

    def __init__(
        self,
        spatial_dims: int,
        num_classes: int,
        in_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        channels: int = 16,
        max_channels: int = 256,
        attention_level: int | None = 2,
        act: LayerSpec = "relu",
    ) -> None:
        super().__init__(spatial_dims, in_channels, image_size)
        check_positive(num_classes=num_classes, channels=channels, max_channels=max_channels)
        self.num_classes = num_classes
        depth = self.resolution.levels
        widths = level_widths(channels, max_channels, depth + 1)
        self.levels = nn.Sequential(Conv[Conv.CONV, spatial_dims](in_channels, widths[0], 3, padding=1))
        attended = depth - _attended(self.resolution, attention_level)
        for level, (width, next_width) in enumerate(pairwise(widths), start=1):
            self.levels.append(ResidualDownBlock(spatial_dims, width, next_width, None, act))
            if level == attended:
                self.levels.append(SelfAttention(spatial_dims, next_width))
        self.levels.append(act_layer(act))
        self.to_logit = nn.Linear(widths[-1], 1)
        self.embedding = nn.Embedding(num_classes, widths[-1])
        self.apply(_start_orthogonal)
        spectrally_normalised(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judge images.

        Args:
            image: images (N, in_channels, *image_size).
            label: classes (N,).

        Returns:
            Logits (N, 1), higher for images taken to be real ones of their class.

        Raises:
            ValueError: when the images have another shape, or a label is missing or out of range.
        """
        check_image(image, self.in_channels, self._size)
        if label is None:
            raise ValueError(f"label is missing: give classes from 0 to {self.num_classes - 1}, one per image.")
        check_label(label, self.num_classes)
        # Summed in float32: half precision has too few digits for hundreds of terms.
        features = self.levels(image).flatten(2).float().sum(2)
        logit: Tensor = self.to_logit(features) + (self.embedding(label) * features).sum(1, keepdim=True)
        return logit


def _piece(latent_size: int, pieces: int) -> int:
    """Length of the pieces of a latent."""
    if latent_size % pieces:
        near = max(1, round(latent_size / pieces)) * pieces
        raise ValueError(
            f"latent_size={latent_size} cannot be cut into {pieces} equal pieces, one for the base grid and one per "
            f"doubling: try {near}."
        )
    return latent_size // pieces


def _attended(resolution: Resolution, attention_level: int | None) -> int:
    """Number of doublings after which a generator attends; -1 for never."""
    if attention_level is None:
        return -1
    if not 0 <= attention_level < resolution.levels:
        raise ValueError(
            f"attention_level={attention_level} is not possible for image_size={resolution.image_size}: "
            f"give 0 to {resolution.levels - 1}, or None."
        )
    return resolution.levels - attention_level


def _start_orthogonal(module: nn.Module) -> None:
    weight = getattr(module, "weight", None)
    if isinstance(weight, nn.Parameter) and weight.dim() > 1:
        nn.init.orthogonal_(weight)
