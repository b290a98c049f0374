"""Building blocks that the networks share."""

from __future__ import annotations

from monai_gan.networks.blocks.layers import act_layer, norm_act_layers, norm_layer
from monai_gan.networks.blocks.norm_act import GroupNormAct, InstanceNormAct
from monai_gan.networks.blocks.resample import ConvMeanPool, UpsampleConv
from monai_gan.networks.blocks.residual import ResidualDownBlock, ResidualUpBlock
from monai_gan.networks.blocks.residual_map import ResidualMap
from monai_gan.networks.blocks.resolution import (
    Resolution,
    check_image,
    check_latent,
    check_no_label,
    check_positive,
    level_widths,
)

__all__ = [
    "ConvMeanPool",
    "GroupNormAct",
    "InstanceNormAct",
    "ResidualDownBlock",
    "ResidualMap",
    "ResidualUpBlock",
    "Resolution",
    "UpsampleConv",
    "act_layer",
    "check_image",
    "check_latent",
    "check_no_label",
    "check_positive",
    "level_widths",
    "norm_act_layers",
    "norm_layer",
]
