"""Generators from image to image at one resolution: U-Net (Isola 2017) and residual network (Zhu 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from monai.networks.layers.factories import Conv
from monai.networks.nets.basic_unet import BasicUNet
from torch import nn

from monai_gan.networks.blocks.layers import LayerSpec, act_layer, norm_act_layers
from monai_gan.networks.blocks.resample import UpsampleConv
from monai_gan.networks.blocks.residual_conv import ResidualConvBlock
from monai_gan.networks.blocks.resolution import check_positive
from monai_gan.networks.fuse import fuse
from monai_gan.networks.nets.image_generator import ImageGenerator

#: Halvings of MONAI's BasicUNet.
UNET_HALVINGS = 4


class UNetGenerator(ImageGenerator):
    """MONAI's ``BasicUNet`` as a generator (the role of the U-Net in Isola et al. 2017, section 3.2).

    Its doublings interpolate before they convolve, so that no checkerboards arise; norm and activation are fused. An
    instance norm needs at least 2 pixels at the coarsest level, so give axes of 32 or more to a network that has one.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input; neighbouring slices count as channels.
        out_channels: channels of the result.
        features: widths of the five levels from fine to coarse and of the last layer.
        norm: MONAI norm specification.
        act: MONAI activation specification.
        dropout: share of dropped values, as MONAI has it.
        out_act: MONAI activation specification of the result, or None.

    Raises:
        ValueError: when a number is not positive or ``features`` are not six.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int = 1,
        out_channels: int = 1,
        features: Sequence[int] = (32, 64, 128, 256, 256, 32),
        norm: str | tuple[str, dict[str, object]] = ("instance", {"affine": True}),
        act: str | tuple[str, dict[str, object]] = ("leakyrelu", {"negative_slope": 0.2}),
        dropout: float = 0.0,
        out_act: LayerSpec = "tanh",
    ) -> None:
        super().__init__(spatial_dims, in_channels, out_channels)
        if len(features) != UNET_HALVINGS + 2:
            raise ValueError(f"features={tuple(features)} has {len(features)} widths: give {UNET_HALVINGS + 2}.")
        check_positive(**{f"features[{i}]": width for i, width in enumerate(features)})
        unet = BasicUNet(
            spatial_dims, in_channels, out_channels, features, act, norm, dropout=dropout, upsample="nontrainable"
        )
        fuse(unet)
        self.body = nn.Sequential(unet, act_layer(out_act))


class ResNetGenerator(ImageGenerator):
    """Residual network between two halvings and two doublings (Johnson et al. 2016; Zhu et al. 2017, appendix).

    Borders are reflected, and doublings are resize-convolutions, so that neither borders nor checkerboards show.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input; neighbouring slices count as channels.
        out_channels: channels of the result.
        channels: width at the image's resolution; it doubles per halving.
        num_halvings: halvings, and as many doublings; axes must be multiples of 2 to this power.
        num_blocks: residual blocks at the coarsest resolution; the paper's is 6 up to 128 pixels and 9 beyond.
        norm: MONAI norm specification or None.
        act: MONAI activation specification.
        out_act: MONAI activation specification of the result, or None.

    Raises:
        ValueError: when a number is not positive.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int = 1,
        out_channels: int = 1,
        channels: int = 64,
        num_halvings: int = 2,
        num_blocks: int = 9,
        norm: LayerSpec = "instance",
        act: LayerSpec = "relu",
        out_act: LayerSpec = "tanh",
    ) -> None:
        super().__init__(spatial_dims, in_channels, out_channels)
        check_positive(channels=channels, num_halvings=num_halvings, num_blocks=num_blocks)
        conv = Conv[Conv.CONV, spatial_dims]
        widths = [channels * 2**level for level in range(num_halvings + 1)]
        body = [
            conv(in_channels, channels, 7, padding=3, bias=not norm, padding_mode="reflect"),
            *norm_act_layers(norm, act, spatial_dims, channels),
        ]
        for width, next_width in pairwise(widths):
            body += [
                conv(width, next_width, 3, stride=2, padding=1, bias=not norm, padding_mode="reflect"),
                *norm_act_layers(norm, act, spatial_dims, next_width),
            ]
        body += [ResidualConvBlock(spatial_dims, widths[-1], norm, act, "reflect") for _ in range(num_blocks)]
        for width, next_width in pairwise(widths[::-1]):
            body += [
                UpsampleConv(spatial_dims, width, next_width, bias=not norm),
                *norm_act_layers(norm, act, spatial_dims, next_width),
            ]
        body += [conv(channels, out_channels, 7, padding=3, padding_mode="reflect"), act_layer(out_act)]
        self.body = nn.Sequential(*body)
