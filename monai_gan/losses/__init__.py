"""Adversarial objectives, critic regularisers and losses on pairs of images, in 2-D and 3-D alike."""

from __future__ import annotations

from monai_gan.losses.adversarial import OBJECTIVES, AdversarialLoss, Objective, register_objective
from monai_gan.losses.gradient_penalty import GradientPenalty
from monai_gan.losses.lazy import correct_lazy_adam
from monai_gan.losses.ssim import MultiScaleSSIMLoss, SSIMLoss

__all__ = [
    "OBJECTIVES",
    "AdversarialLoss",
    "GradientPenalty",
    "MultiScaleSSIMLoss",
    "Objective",
    "SSIMLoss",
    "correct_lazy_adam",
    "register_objective",
]
