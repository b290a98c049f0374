"""Adversarial objectives and critic regularisers; logits in, scalars out, in 2-D and 3-D alike."""

from __future__ import annotations

from monai_gan.losses.adversarial import OBJECTIVES, AdversarialLoss, Objective, register_objective
from monai_gan.losses.gradient_penalty import GradientPenalty
from monai_gan.losses.lazy import correct_lazy_adam
from monai_gan.losses.perceptual import PerceptualLoss, TargetFeatures

__all__ = [
    "OBJECTIVES",
    "AdversarialLoss",
    "GradientPenalty",
    "Objective",
    "PerceptualLoss",
    "TargetFeatures",
    "correct_lazy_adam",
    "register_objective",
]
