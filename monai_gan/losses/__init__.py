"""Adversarial objectives, critic regularisers and losses between images, in 2-D and 3-D alike."""

from __future__ import annotations

from monai_gan.losses.adversarial import OBJECTIVES, AdversarialLoss, Objective, register_objective
from monai_gan.losses.feature_matching import Judgement, feature_matching_loss, judgement
from monai_gan.losses.gradient_penalty import GradientPenalty
from monai_gan.losses.lazy import correct_lazy_adam
from monai_gan.losses.perceptual import PerceptualLoss, TargetFeatures
from monai_gan.losses.spectrum import SpectrumLoss
from monai_gan.losses.ssim import MultiScaleSSIMLoss, SSIMLoss
from monai_gan.losses.weighted import WeightedLosses

__all__ = [
    "OBJECTIVES",
    "AdversarialLoss",
    "GradientPenalty",
    "Judgement",
    "MultiScaleSSIMLoss",
    "Objective",
    "PerceptualLoss",
    "SSIMLoss",
    "SpectrumLoss",
    "TargetFeatures",
    "WeightedLosses",
    "correct_lazy_adam",
    "feature_matching_loss",
    "judgement",
    "register_objective",
]
