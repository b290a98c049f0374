"""Generator and discriminator of StyleGAN2 (Karras et al. 2020, "Analyzing and improving the image quality of
StyleGAN", arXiv 1912.04958), in two and three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from monai_gan.networks.blocks.condition import ConditionVector
from monai_gan.networks.blocks.minibatch_std import MinibatchStd
from monai_gan.networks.blocks.resolution import (
    Resolution,
    check_image,
    check_latent,
    check_positive,
    level_widths,
)
from monai_gan.networks.blocks.style import MappingNetwork, StyleBlock, StyleConv
from monai_gan.networks.blocks.style_layers import EqualConv, EqualLinear, laid_out_like

#: Where noise may begin, per unit of a latent's number: about as many places as 64 x 64 pixels are.
_PLACES = 4099.0


class StyleGAN2Generator(nn.Module):
    """Latent to image: a mapping network, and a block of modulated convolutions per resolution that adds to the image.

    The images of all resolutions are upsampled and summed (the "output skips" of the paper's figure 7b); nothing bounds
    them while they are trained.

    Args:
        spatial_dims: 2 or 3.
        latent_size: length of a latent z.
        out_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.
        channels: width at the image's resolution; it doubles per level towards the base.
        max_channels: largest width.
        style_size: length of the intermediate latent w; by default that of z.
        mapping_layers: layers of the mapping network (8 in the paper; 2 for small sets in Karras et al. 2020b).
        num_classes: classes that the generator is conditioned on; 0 for none.
        num_covariates: continuous values that it is conditioned on; 0 for none.
        vary_noise: whether the noise of an image, as :meth:`forward` makes it, begins at a place of the layers' fixed
            noise that its latent tells, so that images do not share one texture; see :meth:`noise_of`.
        add_noise: False adds no noise in any layer, as in StyleGAN3 (Karras et al. 2021, arXiv 2106.12423), so that the
            latent alone decides on an image. The noise's weights stay, unused, so that those of a network with noise
            fit, and training may go on without it.

    Attributes:
        resolution: base grid and number of doublings.
        num_styles: how many styles w an image has, the last axis but one of ``ws``.
        has_styles: that ``forward`` takes a truncation and a shift.

    Raises:
        ValueError: when a number is not positive or the size cannot be reached.
    """

    has_styles = True

    def __init__(
        self,
        spatial_dims: int,
        latent_size: int = 512,
        out_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        channels: int = 64,
        max_channels: int = 512,
        style_size: int | None = None,
        mapping_layers: int = 8,
        num_classes: int = 0,
        num_covariates: int = 0,
        vary_noise: bool = False,
        add_noise: bool = True,
    ) -> None:
        super().__init__()
        style_size = latent_size if style_size is None else style_size
        check_positive(
            latent_size=latent_size,
            out_channels=out_channels,
            channels=channels,
            max_channels=max_channels,
            style_size=style_size,
            mapping_layers=mapping_layers,
        )
        self.resolution = Resolution.of(spatial_dims, image_size)
        self.spatial_dims = spatial_dims
        self.latent_size = latent_size
        self.out_channels = out_channels
        self.image_size = self.resolution.image_size
        self.style_size = style_size
        self.vary_noise = vary_noise
        self.add_noise = add_noise
        self.condition = ConditionVector(num_classes, num_covariates)
        self.mapping = MappingNetwork(latent_size, self.condition.size, style_size, mapping_layers)
        widths = level_widths(channels, max_channels, self.resolution.levels + 1)[::-1]
        self.blocks = nn.ModuleList(
            StyleBlock(
                spatial_dims,
                widths[level - 1] if level else 0,
                width,
                out_channels,
                style_size,
                [base * 2**level for base in self.resolution.base],
                add_noise,
            )
            for level, width in enumerate(widths)
        )
        self.num_styles = 2 * len(widths)

    @property
    def noise_sizes(self) -> list[tuple[int, ...]]:
        """Pixels per axis of the noise of every convolution, in their order."""
        base = self.resolution.base
        return [
            tuple(size * 2**level for size in base)
            for level, block in enumerate(self.blocks)
            for _ in range(block.convolutions)  # type: ignore[arg-type]
        ]

    def forward(
        self,
        image: Tensor,
        label: Tensor | None = None,
        truncation: float = 1.0,
        shift: Tensor | None = None,
    ) -> Tensor:
        """Generate images, with the layers' fixed noise, that of each latent (``vary_noise``), or none (``add_noise``).

        Args:
            image: latents (N, latent_size), standard normal.
            label: class numbers (N,), or vectors (N, num_classes + num_covariates). Without any, a network with a
                condition takes its classes in turn and covariates of 0.
            truncation: how far styles are from their mean, 1 as they are, 0 all the mean image.
            shift: added to the styles, (num_styles, style_size), see
                :func:`~monai_gan.networks.style_space.style_shift`.

        Returns:
            Images (N, out_channels, *image_size) in [-1, 1].

        Raises:
            ValueError: when latents or conditions do not fit.
        """
        label = self.condition.turns(image) if label is None else label
        ws = self.styles(image, label, truncation)
        return self.unbounded(image, ws if shift is None else ws + shift.to(ws)).clamp(-1, 1)

    def unbounded(self, image: Tensor, ws: Tensor) -> Tensor:
        """Images of the styles of latents, before :meth:`forward` cuts them off at -1 and 1."""
        return self.synthesize(ws, self.noise_of(image) if self.vary_noise and self.add_noise else None)

    def noise_of(self, latent: Tensor) -> list[Tensor]:
        """The fixed noise of every convolution, rolled: it begins at a place that one number of the latent tells.

        One multiplication and a cut, which are exact everywhere: a latent has the same noise on every device.

        Args:
            latent: (N, latent_size).

        Returns:
            For every convolution (N, 1, *size).
        """
        rolled = []
        for layer, fixed in enumerate(module.noise for module in self.modules() if isinstance(module, StyleConv)):
            first = (latent[:, layer % self.latent_size].float().abs() * _PLACES).long()
            index = (torch.arange(fixed.numel(), device=latent.device) + first.unsqueeze(1)) % fixed.numel()
            rolled.append(fixed.flatten()[index].reshape(len(latent), *fixed.shape[1:]))
        return rolled

    def styles(self, latent: Tensor, label: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        """Map latents (N, latent_size) to styles (N, num_styles, style_size), one for all layers of an image."""
        check_latent(latent, self.latent_size)
        w: Tensor = self.mapping(latent, self.condition(label, len(latent)))
        if truncation != 1.0:
            average: Tensor = self.mapping.average  # type: ignore[assignment]
            w = average + truncation * (w - average)
        return w.unsqueeze(1).expand(-1, self.num_styles, -1)

    def synthesize(self, ws: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """Make images of styles.

        Args:
            ws: (N, num_styles, style_size).
            noise: for every convolution (N, 1, *size), sizes as ``noise_sizes`` says; by default the fixed noise.

        Returns:
            Images (N, out_channels, *image_size), about in [-1, 1].
        """
        x: Tensor | None = None
        image: Tensor | None = None
        first = 0
        for block in self.blocks:
            count: int = block.convolutions  # type: ignore[assignment]
            added = [None] * count if noise is None else noise[first : first + count]
            # The style of a block's last layer, which makes its image, is also that of the next block's first.
            x, image = block(x, image, ws[:, first : first + count + 1], added)
            first += count
        return image  # type: ignore[return-value]


class StyleGAN2Discriminator(nn.Module):
    """Image to one logit: residual blocks, the spread of the batch, two linear layers; a condition enters as a
    projection (Miyato and Koyama 2018).

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.
        channels: width at the image's resolution; it doubles per level towards the base.
        max_channels: largest width.
        group_size: images whose spread is measured together; 0 leaves the spread out.
        mapping_layers: layers of the mapping of a condition.
        num_classes: classes that the discriminator is conditioned on; 0 for none.
        num_covariates: continuous values that it is conditioned on; 0 for none.

    Raises:
        ValueError: when a number is not positive or the size cannot be reached.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        channels: int = 64,
        max_channels: int = 512,
        group_size: int = 4,
        mapping_layers: int = 8,
        num_classes: int = 0,
        num_covariates: int = 0,
    ) -> None:
        super().__init__()
        check_positive(
            in_channels=in_channels, channels=channels, max_channels=max_channels, mapping_layers=mapping_layers
        )
        self.resolution = Resolution.of(spatial_dims, image_size)
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels
        self.image_size = self.resolution.image_size
        widths = level_widths(channels, max_channels, self.resolution.levels + 1)
        last = widths[-1]
        self.condition = ConditionVector(num_classes, num_covariates)
        embedded = last if self.condition.size else 0
        self.mapping = (
            MappingNetwork(0, self.condition.size, embedded, mapping_layers, average_decay=0.0) if embedded else None
        )
        self.from_image = EqualConv(spatial_dims, in_channels, widths[0], 1)
        self.blocks = nn.Sequential(*(_ResidualBlock(spatial_dims, a, b) for a, b in pairwise(widths)))
        self.spread = MinibatchStd(group_size) if group_size else nn.Identity()
        self.conv = EqualConv(spatial_dims, last + (1 if group_size else 0), last)
        self.linear = EqualLinear(last * math.prod(self.resolution.base), last, "leaky_relu")
        self.out = EqualLinear(last, embedded or 1)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judge images.

        Args:
            image: images (N, in_channels, *image_size).
            label: as for the generator.

        Returns:
            Logits (N, 1), higher for images taken to be real.

        Raises:
            ValueError: when images or conditions do not fit.
        """
        check_image(image, self.in_channels, list(self.image_size))
        condition = self.condition(label, len(image))
        features = self.from_image(laid_out_like(image, self.conv.weight))
        x = self.conv(self.spread(self.blocks(features)))
        x = self.out(self.linear(x.flatten(1)))
        if self.mapping is None:
            return x
        # The scale keeps the variance of the sum at that of its parts.
        return (x * self.mapping(None, condition)).sum(1, keepdim=True) / math.sqrt(x.shape[1])


class _ResidualBlock(nn.Module):
    """Two convolutions, the second of which halves the resolution, beside a halving convolution of kernel 1."""

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = math.sqrt(0.5)
        self.conv0 = EqualConv(spatial_dims, in_channels, in_channels)
        self.conv1 = EqualConv(spatial_dims, in_channels, out_channels, down=2, gain=half)
        self.skip = EqualConv(
            spatial_dims, in_channels, out_channels, 1, down=2, activation="identity", bias=False, gain=half
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(self.conv1(self.conv0(x)), self.skip(x))
