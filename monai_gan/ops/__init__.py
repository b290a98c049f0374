"""Operations with a readable definition in plain torch and fused forms with the same values and derivatives."""

from __future__ import annotations

from monai_gan.ops._scope import input_gradient_only
from monai_gan.ops.bias_act import bias_act
from monai_gan.ops.counter import counter_normal, counter_state, counter_uniform
from monai_gan.ops.dispatch import Backend, backends, use_backend
from monai_gan.ops.gradient_norm_penalty import gradient_norm_penalty
from monai_gan.ops.group_norm_act import group_norm_act
from monai_gan.ops.interpolate import interpolate
from monai_gan.ops.modulated_conv import modulated_conv
from monai_gan.ops.ms_ssim import ms_ssim
from monai_gan.ops.perceptual_distance import perceptual_distance
from monai_gan.ops.ssim import ssim, ssim_and_contrast
from monai_gan.ops.upfirdn import upfirdn

__all__ = [
    "Backend",
    "backends",
    "bias_act",
    "counter_normal",
    "counter_state",
    "counter_uniform",
    "gradient_norm_penalty",
    "group_norm_act",
    "input_gradient_only",
    "interpolate",
    "modulated_conv",
    "ms_ssim",
    "perceptual_distance",
    "ssim",
    "ssim_and_contrast",
    "upfirdn",
    "use_backend",
]
