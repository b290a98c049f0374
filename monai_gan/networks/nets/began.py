"""Decoder and auto-encoder of a boundary equilibrium GAN (Berthelot 2017, "BEGAN: boundary equilibrium generative
adversarial networks", arXiv 1703.10717), in two and three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from monai.networks.layers.factories import Conv
from torch import Tensor, nn

from monai_gan.networks.blocks.layers import LayerSpec, act_layer
from monai_gan.networks.blocks.resample import UpsampleConv
from monai_gan.networks.blocks.resolution import check_image, check_no_label, check_positive
from monai_gan.networks.nets.base import ImageCritic, LatentGenerator


class BEGANGenerator(LatentGenerator):
    """Latent to image, the same decoder that ends the discriminator (Berthelot 2017, figure 1): pairs of convolutions
    of one width, without normalisation, between nearest-neighbour doublings.

    Args:
        spatial_dims: 2 or 3.
        latent_size: length of a latent vector.
        out_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.
        channels: width of all feature maps.
        skip: join the base map, enlarged, to every level, the paper's skip connections for sharper images.
        act: MONAI activation specification.
        out_act: MONAI activation specification of the image, or None.

    Raises:
        ValueError: when a number is not positive or the size cannot be reached.
    """

    def __init__(
        self,
        spatial_dims: int,
        latent_size: int = 64,
        out_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        channels: int = 64,
        skip: bool = True,
        act: LayerSpec = "elu",
        out_act: LayerSpec = "tanh",
    ) -> None:
        super().__init__(spatial_dims, latent_size, out_channels, image_size)
        check_positive(channels=channels)
        self.project = nn.Sequential(
            nn.Linear(latent_size, channels * math.prod(self.resolution.base)),
            nn.Unflatten(1, (channels, *self.resolution.base)),
        )
        self.levels = _Levels(spatial_dims, channels, self.resolution.levels, skip, act)
        self.to_image = nn.Sequential(
            Conv[Conv.CONV, spatial_dims](channels, out_channels, 3, padding=1), act_layer(out_act)
        )
        _init(self)


class BEGANDiscriminator(ImageCritic):
    """An auto-encoder; an image's score is minus the error of its reconstruction (Berthelot 2017, section 3.1).

    The encoder has pairs of convolutions whose width grows by ``channels`` per halving; the decoder is that of
    :class:`BEGANGenerator`.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.
        channels: width of the finest feature map.
        hidden_size: length of the code between encoder and decoder.
        exponent: 1 for the mean absolute error, 2 for the mean squared error.
        skip, act, out_act: of the decoder, as for the generator.

    Raises:
        ValueError: when a number is not positive, the exponent is neither 1 nor 2 or the size cannot be reached.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        channels: int = 64,
        hidden_size: int = 64,
        exponent: int = 1,
        skip: bool = True,
        act: LayerSpec = "elu",
        out_act: LayerSpec = "tanh",
    ) -> None:
        super().__init__(spatial_dims, in_channels, image_size)
        check_positive(channels=channels, hidden_size=hidden_size)
        if exponent not in (1, 2):
            raise ValueError(f"exponent={exponent!r} is not possible: give 1 or 2.")
        self.exponent = exponent
        conv = Conv[Conv.CONV, spatial_dims]
        self.encoder = nn.Sequential(conv(in_channels, channels, 3, padding=1), act_layer(act))
        width = channels
        for _ in range(self.resolution.levels):
            self.encoder.append(conv(width, width, 3, padding=1))
            self.encoder.append(act_layer(act))
            self.encoder.append(conv(width, width + channels, 3, stride=2, padding=1))
            self.encoder.append(act_layer(act))
            width += channels
        self.encoder.append(nn.Flatten())
        self.encoder.append(nn.Linear(width * math.prod(self.resolution.base), hidden_size))
        _init(self.encoder)
        self.decoder = BEGANGenerator(
            spatial_dims, hidden_size, in_channels, image_size, channels, skip=skip, act=act, out_act=out_act
        )

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judge images.

        Args:
            image: images (N, in_channels, *image_size).
            label: must be None, the network has no classes.

        Returns:
            Scores (N, 1), float32: minus the mean over pixels of |v - D(v)|^exponent.

        Raises:
            ValueError: when the images have another shape or a label is given.
        """
        check_no_label(label)
        return -self.reconstruction_error(image)[1].unsqueeze(1)

    def reconstruction_error(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstructions (N, in_channels, *image_size) and their errors (N,), float32, from one pass.

        Raises:
            ValueError: when the images have another shape.
        """
        check_image(image, self.in_channels, self._size)
        reconstruction = self.reconstruct(image)
        error = (image.float() - reconstruction.float()).abs().pow(self.exponent)
        return reconstruction, error.flatten(1).mean(1)

    def reconstruct(self, image: Tensor) -> Tensor:
        """Encode and decode images (N, in_channels, *image_size)."""
        reconstruction: Tensor = self.decoder(self.encoder(image))
        return reconstruction


class _Levels(nn.Module):
    """The feature maps of a decoder from the base to the image's resolution."""

    def __init__(self, spatial_dims: int, channels: int, levels: int, skip: bool, act: LayerSpec) -> None:
        super().__init__()
        self.skip = skip
        conv = Conv[Conv.CONV, spatial_dims]

        def pair(first: nn.Module) -> nn.Module:
            return nn.Sequential(first, act_layer(act), conv(channels, channels, 3, padding=1), act_layer(act))

        self.base = pair(conv(channels, channels, 3, padding=1))
        width = 2 * channels if skip else channels
        self.doublings = nn.ModuleList(pair(UpsampleConv(spatial_dims, width, channels)) for _ in range(levels))

    def forward(self, base: Tensor) -> Tensor:
        """Map (N, channels, *base) to (N, channels, *image_size)."""
        x = self.base(base)
        for doubling in self.doublings:
            if self.skip:
                # Nearest neighbours twice are nearest neighbours once, so this is the paper's join after the doubling.
                x = torch.cat([x, F.interpolate(base, x.shape[2:], mode="nearest")], 1)
            x = doubling(x)
        return x


def _init(network: nn.Module) -> None:
    """He initialisation, which keeps the scale through the many convolutions without a norm; biases at zero."""
    for parameter in network.parameters():
        if parameter.dim() > 1:
            nn.init.kaiming_uniform_(parameter, nonlinearity="relu")
        else:
            nn.init.zeros_(parameter)
