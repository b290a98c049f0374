"""Generator and discriminator that grow (Karras 2018, "Progressive growing of GANs for improved quality, stability, and
variation", arXiv 1710.10196), in two and three dimensions.

How far they have grown is one number, ``growth``: 0 at the base grid, 2 when two doublings are in use, 1.3 while the
second one fades in with a share of 0.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from monai.networks.layers.factories import Conv
from torch import Tensor, nn

from monai_gan.networks.blocks.equalized import Equalized
from monai_gan.networks.blocks.layers import LayerSpec, act_layer
from monai_gan.networks.blocks.minibatch_std import MinibatchStd
from monai_gan.networks.blocks.pixel_norm import PixelNorm
from monai_gan.networks.blocks.resample import ConvMeanPool, UpsampleConv
from monai_gan.networks.blocks.resolution import check_image, check_latent, check_no_label, check_positive, level_widths
from monai_gan.networks.nets.base import ImageCritic, LatentGenerator

LEAKY: LayerSpec = ("leakyrelu", {"negative_slope": 0.2})


class PGGANGenerator(LatentGenerator):
    """Latent to image: two convolutions per doubling, and at each level a layer that makes an image of its features.

    Pixel norm after every convolution, equalised learning rate throughout, latents on the sphere. A doubling and the
    convolution after it are one operation, a resize-convolution. The network gives images of its full size at any
    growth: what is not yet grown is doubled without new detail.

    Args:
        spatial_dims: 2 or 3.
        latent_size: length of a latent vector.
        out_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.
        channels: width at the image's resolution; it doubles per level towards the base.
        max_channels: largest width.
        act: MONAI activation specification.
        out_act: MONAI activation specification of the image; None leaves it unbounded, as in the paper.

    Attributes:
        growth: buffer, how far the network has grown; all the way unless a training says otherwise.

    Raises:
        ValueError: when a number is not positive or the size cannot be reached.
    """

    if TYPE_CHECKING:  # TorchScript cannot read annotations of modules
        levels: nn.ModuleList
        growth: Tensor

    def __init__(
        self,
        spatial_dims: int,
        latent_size: int = 128,
        out_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        channels: int = 16,
        max_channels: int = 256,
        act: LayerSpec = LEAKY,
        out_act: LayerSpec = "tanh",
    ) -> None:
        super().__init__(spatial_dims, latent_size, out_channels, image_size)
        check_positive(channels=channels, max_channels=max_channels)
        base, depth = self.resolution.base, self.resolution.levels
        widths = level_widths(channels, max_channels, depth + 1)[::-1]
        conv = Conv[Conv.CONV, spatial_dims]

        def finished(*layers: nn.Module) -> list[nn.Module]:
            return [*layers, act_layer(act), PixelNorm()]

        self.project = nn.Sequential(
            PixelNorm(),
            Equalized(nn.Linear(latent_size, widths[0] * math.prod(base))),
            *finished(nn.Unflatten(1, (widths[0], *base))),
            *finished(Equalized(conv(widths[0], widths[0], 3, padding=1))),
        )
        self.levels = nn.ModuleList(
            nn.Sequential(
                *finished(Equalized(UpsampleConv(spatial_dims, width, next_width))),
                *finished(Equalized(conv(next_width, next_width, 3, padding=1))),
            )
            for width, next_width in pairwise(widths)
        )
        self.to_images = nn.ModuleList(Equalized(conv(width, out_channels, 1), gain=1.0) for width in widths)
        self.out_act = act_layer(out_act)
        self.register_buffer("growth", torch.tensor(float(depth)))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Generate images of the full size.

        Args:
            image: latents (N, latent_size), standard normal.
            label: must be None, the network has no classes.

        Returns:
            Images (N, out_channels, *image_size), in [-1, 1] with the default ``out_act``.

        Raises:
            ValueError: when the latents have another width or a label is given.
        """
        check_no_label(label)
        generated = self.generate(image, float(self.growth))
        return F.interpolate(generated, size=list(self.image_size), mode="nearest")

    def generate(self, latents: Tensor, growth: float) -> Tensor:
        """Images (N, out_channels, *S) of the size that is in use at ``growth``, for latents (N, latent_size).

        Raises:
            ValueError: when the latents have another width.
        """
        check_latent(latents, self.latent_size)
        level = math.ceil(growth)
        share = growth - (level - 1)
        coarse = fine = self.project(latents)
        for i, block in enumerate(self.levels):
            if i < level:
                coarse, fine = fine, block(fine)
        image, old = fine, coarse
        for i, to_image in enumerate(self.to_images):
            if i == level:
                image = to_image(fine)
            if i == level - 1 and share < 1:
                old = to_image(coarse)
        if level > 0 and share < 1:
            image = _fade(_double(old), image, share)
        generated: Tensor = self.out_act(image)
        return generated


class PGGANDiscriminator(ImageCritic):
    """Image to one score: the generator's mirror image, with a minibatch standard deviation at the base grid.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        image_size: pixels per axis, a base of 3 or more times a common power of two; one number stands for all axes.
        channels: width at the image's resolution; it doubles per level towards the base.
        max_channels: largest width.
        act: MONAI activation specification.
        group_size: images over which the standard deviation is taken; training needs batches of at least 2.

    Raises:
        ValueError: when a number is not positive or the size cannot be reached.
    """

    if TYPE_CHECKING:
        levels: nn.ModuleList

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        channels: int = 16,
        max_channels: int = 256,
        act: LayerSpec = LEAKY,
        group_size: int = 4,
    ) -> None:
        super().__init__(spatial_dims, in_channels, image_size)
        check_positive(channels=channels, max_channels=max_channels)
        base = self.resolution.base
        widths = level_widths(channels, max_channels, self.resolution.levels + 1)
        conv = Conv[Conv.CONV, spatial_dims]
        self.from_images = nn.ModuleList(
            nn.Sequential(Equalized(conv(in_channels, width, 1)), act_layer(act)) for width in widths
        )
        self.levels = nn.ModuleList(
            nn.Sequential(
                Equalized(conv(width, width, 3, padding=1)),
                act_layer(act),
                Equalized(ConvMeanPool(spatial_dims, width, next_width)),
                act_layer(act),
            )
            for width, next_width in pairwise(widths)
        )
        self.to_logit = nn.Sequential(
            MinibatchStd(group_size),
            Equalized(conv(widths[-1] + 1, widths[-1], 3, padding=1)),
            act_layer(act),
            nn.Flatten(),
            Equalized(nn.Linear(widths[-1] * math.prod(base), widths[-1])),
            act_layer(act),
            Equalized(nn.Linear(widths[-1], 1), gain=1.0),
        )

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judge images of the full size, fully grown; arguments and errors as for every critic.

        Args:
            image: images (N, in_channels, *image_size).
            label: must be None, the network has no classes.

        Returns:
            Unbounded scores (N, 1), higher for images taken to be real.
        """
        check_image(image, self.in_channels, self._size)
        check_no_label(label)
        return self.judge(image, float(len(self.levels)))

    def judge(self, image: Tensor, growth: float) -> Tensor:
        """Scores (N, 1) of images (N, in_channels, *S) of the size that is in use at ``growth``."""
        level = math.ceil(growth)
        share = growth - (level - 1)
        skipped = len(self.levels) - level
        x = old = image
        for i, from_image in enumerate(self.from_images):
            if i == skipped:
                x = from_image(image)
            if i == skipped + 1 and share < 1:
                old = from_image(_halve(image, 1))
        for i, block in enumerate(self.levels):
            if i >= skipped:
                x = block(x)
            if i == skipped and share < 1:
                x = _fade(old, x, share)
        score: Tensor = self.to_logit(x)
        return score

    def shrink(self, image: Tensor, growth: float) -> Tensor:
        """Full images as the generator would make them at ``growth``: of that size, detail faded in by its share.

        Args:
            image: (N, in_channels, *image_size).
            growth: between 0 and the number of levels.

        Returns:
            Images (N, in_channels, *S).

        Raises:
            ValueError: when the images do not fit the network.
        """
        check_image(image, self.in_channels, self._size)
        level = math.ceil(growth)
        share = growth - (level - 1)
        image = _halve(image, len(self.levels) - level)
        if level > 0 and share < 1:
            image = _fade(_double(_halve(image, 1)), image, share)
        return image


def _fade(old: Tensor, new: Tensor, share: float) -> Tensor:
    """From one tensor to another; under autocast their types can differ, which :func:`torch.lerp` refuses."""
    return old + share * (new - old)


def _double(image: Tensor) -> Tensor:
    return F.interpolate(image, scale_factor=2.0, mode="nearest")


def _halve(image: Tensor, times: int) -> Tensor:
    """The mean over blocks of 2 pixels per axis, so many times."""
    if times == 0:
        return image
    size = int(2**times)
    return F.avg_pool2d(image, size) if image.dim() == 4 else F.avg_pool3d(image, size)
