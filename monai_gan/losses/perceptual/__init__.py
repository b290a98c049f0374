"""The perceptual loss: its networks and their weights, features, chunks of images, and slices of volumes."""

from __future__ import annotations

from monai_gan.losses.perceptual.loss import PerceptualLoss, TargetFeatures

__all__ = ["PerceptualLoss", "TargetFeatures"]
