"""Deep convolutional generator and discriminator (Radford 2016, "Unsupervised representation learning with deep
convolutional generative adversarial networks", arXiv 1511.06434), in two and three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from monai.networks.layers.factories import Conv
from torch import nn

from monai_gan.networks.blocks.latent_grid import collect_latent, project_latent
from monai_gan.networks.blocks.layers import LayerSpec, act_layer, norm_act_layers
from monai_gan.networks.blocks.resample import UpsampleConv
from monai_gan.networks.blocks.resolution import check_positive, level_widths
from monai_gan.networks.nets.base import ImageCritic, LatentGenerator


class DCGANGenerator(LatentGenerator):
    """Latent to image: a projection to the base grid, then one doubling per level (Radford 2016, figure 1).

    Every layer but the last is followed by ``norm`` and ``act``; weights start from a normal distribution of
    standard deviation 0.02 (section 4).

    Args:
        spatial_dims: 2 or 3.
        latent_size: length of a latent vector.
        out_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.
        channels: width of the finest feature map (at half the image size); it doubles per level towards the base.
        max_channels: largest width.
        norm: MONAI norm specification or None; ``"layer"`` is a group norm with one group.
        act: MONAI activation specification.
        upsample: ``"transposed"`` convolution with kernel 4 and stride 2 (the paper's), or ``"resize"``:
            nearest-neighbour doubling and a convolution with kernel 3, free of checkerboards.
        out_act: MONAI activation specification of the image, or None.
        projection: ``"linear"`` from latents that are vectors, the paper's; ``"grid"`` for latents that are maps of the
            base grid, laid flat.

    Raises:
        ValueError: when a number is not positive, the size cannot be reached, or ``upsample`` or ``projection`` is
            unknown.
    """

    def __init__(
        self,
        spatial_dims: int,
        latent_size: int = 100,
        out_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        channels: int = 64,
        max_channels: int = 512,
        norm: LayerSpec = "batch",
        act: LayerSpec = "relu",
        upsample: str = "transposed",
        out_act: LayerSpec = "tanh",
        projection: str = "linear",
    ) -> None:
        super().__init__(spatial_dims, latent_size, out_channels, image_size)
        check_positive(channels=channels, max_channels=max_channels)
        widths = level_widths(channels, max_channels, self.resolution.levels)[::-1]
        self.project = nn.Sequential(
            *project_latent(projection, latent_size, widths[0], self.resolution.base, bias=not norm),
            *norm_act_layers(norm, act, spatial_dims, widths[0]),
        )
        self.levels = nn.Sequential()
        for width, next_width in pairwise(widths):
            self.levels.append(
                nn.Sequential(
                    _upsample(upsample, spatial_dims, width, next_width, bias=not norm),
                    *norm_act_layers(norm, act, spatial_dims, next_width),
                )
            )
        # No norm here: the image keeps its own mean and contrast.
        self.to_image = nn.Sequential(
            _upsample(upsample, spatial_dims, widths[-1], out_channels, bias=True), act_layer(out_act)
        )
        self.apply(init_dcgan)


class DCGANDiscriminator(ImageCritic):
    """Image to one logit: a convolution of stride 2 per level, then a linear layer (Radford 2016, section 3).

    Every convolution but the first is followed by ``norm``; weights start from a normal distribution of standard
    deviation 0.02.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.
        channels: width of the finest feature map (at half the image size); it doubles per level towards the base.
        max_channels: largest width.
        norm: MONAI norm specification or None; ``"layer"`` is a group norm with one group.
        act: MONAI activation specification.

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
        norm: LayerSpec = "batch",
        act: LayerSpec = ("leakyrelu", {"negative_slope": 0.2}),
    ) -> None:
        super().__init__(spatial_dims, in_channels, image_size)
        check_positive(channels=channels, max_channels=max_channels)
        widths = level_widths(channels, max_channels, self.resolution.levels)
        conv = Conv[Conv.CONV, spatial_dims]
        # No norm at the input: it would hide the brightness and contrast that real and generated images may differ in.
        self.levels = nn.Sequential(
            nn.Sequential(conv(in_channels, widths[0], kernel_size=4, stride=2, padding=1), act_layer(act))
        )
        for width, next_width in pairwise(widths):
            self.levels.append(
                nn.Sequential(
                    conv(width, next_width, kernel_size=4, stride=2, padding=1, bias=not norm),
                    *norm_act_layers(norm, act, spatial_dims, next_width),
                )
            )
        self.to_logit = nn.Sequential(nn.Flatten(), nn.Linear(widths[-1] * math.prod(self.resolution.base), 1))
        self.apply(init_dcgan)


def _upsample(kind: str, spatial_dims: int, in_channels: int, out_channels: int, bias: bool) -> nn.Module:
    """Build the layer that doubles the resolution."""
    if kind == "resize":
        return UpsampleConv(spatial_dims, in_channels, out_channels, bias=bias)
    if kind == "transposed":
        layer: nn.Module = Conv[Conv.CONVTRANS, spatial_dims](
            in_channels, out_channels, kernel_size=4, stride=2, padding=1, bias=bias
        )
        return layer
    raise ValueError(f'upsample={kind!r} is unknown: use "transposed" or "resize".')


def init_dcgan(module: nn.Module) -> None:
    """Start as in Radford 2016, section 4: weights from N(0, 0.02), gains of norms from N(1, 0.02), biases at zero.

    Args:
        module: any module; meant for ``network.apply(init_dcgan)``.
    """
    weight = getattr(module, "weight", None)
    if not isinstance(weight, nn.Parameter):
        return
    if weight.dim() > 1:
        nn.init.normal_(weight, 0.0, 0.02)
    elif not isinstance(module, nn.PReLU):
        nn.init.normal_(weight, 1.0, 0.02)
    bias = getattr(module, "bias", None)
    if isinstance(bias, nn.Parameter):
        nn.init.zeros_(bias)


class DCGANEncoder(DCGANDiscriminator):
    """Image to latent: the layers of a :class:`DCGANDiscriminator`, then a linear layer to the latent.

    Args:
        spatial_dims: 2 or 3.
        latent_size: length of a latent vector.
        in_channels, image_size, channels, max_channels, norm, act: as for :class:`DCGANDiscriminator`.
        projection: ``"linear"`` or ``"grid"``, as in the generator that the latents are for.

    Raises:
        ValueError: when a number is not positive, the size cannot be reached or ``projection`` is unknown or does not
            fit the latent.
    """

    def __init__(
        self,
        spatial_dims: int,
        latent_size: int = 100,
        in_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        channels: int = 64,
        max_channels: int = 512,
        norm: LayerSpec = "batch",
        act: LayerSpec = ("leakyrelu", {"negative_slope": 0.2}),
        projection: str = "linear",
    ) -> None:
        check_positive(latent_size=latent_size)
        super().__init__(spatial_dims, in_channels, image_size, channels, max_channels, norm, act)
        self.latent_size = latent_size
        width = level_widths(channels, max_channels, self.resolution.levels)[-1]
        self.to_logit = collect_latent(projection, latent_size, width, self.resolution.base)
        self.to_logit.apply(init_dcgan)
