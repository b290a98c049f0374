"""Residual generator and critic (Gulrajani 2017, "Improved training of Wasserstein GANs", arXiv 1704.00028), in two and
three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from monai.networks.layers.factories import Conv
from torch import nn

from monai_gan.networks.blocks.latent_grid import project_latent
from monai_gan.networks.blocks.layers import LayerSpec, act_layer, norm_act_layers
from monai_gan.networks.blocks.residual import ResidualDownBlock, ResidualUpBlock, init_glorot
from monai_gan.networks.blocks.resolution import check_positive, level_widths
from monai_gan.networks.nets.base import ImageCritic, LatentGenerator


class WGANGenerator(LatentGenerator):
    """Latent to image: a projection to the base grid, one residual block per doubling, a convolution to the image.

    The doublings are resize-convolutions, so that no checkerboards arise. Convolutions that read an activation start
    from He's distribution, the others from Glorot's.

    Args:
        spatial_dims: 2 or 3.
        latent_size: length of a latent vector.
        out_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.
        channels: width at the image's resolution; it doubles per level towards the base.
        max_channels: largest width.
        norm: MONAI norm specification or None; ``"layer"`` is a group norm with one group.
        act: MONAI activation specification.
        out_act: MONAI activation specification of the image, or None.
        projection: ``"linear"`` from latents that are vectors, the paper's; ``"grid"`` for latents that are maps of the
            base grid, laid flat.

    Raises:
        ValueError: when a number is not positive, the size cannot be reached or ``projection`` is unknown.
    """

    def __init__(
        self,
        spatial_dims: int,
        latent_size: int = 128,
        out_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        channels: int = 64,
        max_channels: int = 512,
        norm: LayerSpec = "batch",
        act: LayerSpec = "relu",
        out_act: LayerSpec = "tanh",
        projection: str = "linear",
    ) -> None:
        super().__init__(spatial_dims, latent_size, out_channels, image_size)
        check_positive(channels=channels, max_channels=max_channels)
        widths = level_widths(channels, max_channels, self.resolution.levels + 1)[::-1]
        self.project = project_latent(projection, latent_size, widths[0], self.resolution.base, bias=True)
        self.levels = nn.Sequential(
            *(ResidualUpBlock(spatial_dims, width, next_width, norm, act) for width, next_width in pairwise(widths))
        )
        self.to_image = nn.Sequential(
            *norm_act_layers(norm, act, spatial_dims, widths[-1]),
            Conv[Conv.CONV, spatial_dims](widths[-1], out_channels, 3, padding=1),
            act_layer(out_act),
        )
        self.project.apply(init_glorot)
        init_glorot(self.to_image[2])


class WGANCritic(ImageCritic):
    """Image to one unbounded score: a convolution, one residual block per halving, a linear layer.

    A gradient penalty is defined per sample, so ``norm`` must not couple samples: None, ``"layer"`` or ``"instance"``
    serve there, ``"batch"`` only without a penalty.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.
        channels: width at the image's resolution; it doubles per level towards the base.
        max_channels: largest width.
        norm: MONAI norm specification or None; ``"layer"`` is a group norm with one group: the statistics of the
            paper's layer norm for any image size, with gain and bias per channel.
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
        norm: LayerSpec = None,
        act: LayerSpec = "relu",
    ) -> None:
        super().__init__(spatial_dims, in_channels, image_size)
        check_positive(channels=channels, max_channels=max_channels)
        widths = level_widths(channels, max_channels, self.resolution.levels + 1)
        self.levels = nn.Sequential(
            Conv[Conv.CONV, spatial_dims](in_channels, widths[0], 3, padding=1),
            *(ResidualDownBlock(spatial_dims, width, next_width, norm, act) for width, next_width in pairwise(widths)),
        )
        self.to_logit = nn.Sequential(
            act_layer(act), nn.Flatten(), nn.Linear(widths[-1] * math.prod(self.resolution.base), 1)
        )
        init_glorot(self.levels[0])
        init_glorot(self.to_logit[2])
