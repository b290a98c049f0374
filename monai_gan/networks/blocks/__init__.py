"""Building blocks that the networks share."""

from __future__ import annotations

from monai_gan.networks.blocks.attention import SelfAttention
from monai_gan.networks.blocks.codes import LatentCodes
from monai_gan.networks.blocks.conditional_norm import ConditionalBatchNorm, ConditionalUpBlock
from monai_gan.networks.blocks.conditioning import ConditionEmbedding, check_label, cycled_labels
from monai_gan.networks.blocks.equalized import Equalized
from monai_gan.networks.blocks.layers import act_layer, norm_act_layers, norm_layer
from monai_gan.networks.blocks.minibatch_std import MinibatchStd
from monai_gan.networks.blocks.norm_act import GroupNormAct, InstanceNormAct
from monai_gan.networks.blocks.pixel_norm import PixelNorm
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
from monai_gan.networks.blocks.spectral import spectrally_normalised

__all__ = [
    "ConditionEmbedding",
    "ConditionalBatchNorm",
    "ConditionalUpBlock",
    "ConvMeanPool",
    "Equalized",
    "GroupNormAct",
    "InstanceNormAct",
    "LatentCodes",
    "MinibatchStd",
    "PixelNorm",
    "ResidualDownBlock",
    "ResidualMap",
    "ResidualUpBlock",
    "Resolution",
    "SelfAttention",
    "UpsampleConv",
    "act_layer",
    "check_image",
    "check_label",
    "check_latent",
    "check_no_label",
    "check_positive",
    "cycled_labels",
    "level_widths",
    "norm_act_layers",
    "norm_layer",
    "spectrally_normalised",
]
