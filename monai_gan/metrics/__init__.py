"""Figures that tell how far synthetic images are from real ones."""

from __future__ import annotations

from monai_gan.metrics.class_probe import ClassProbe
from monai_gan.metrics.diversity import mean_pairwise_distance
from monai_gan.metrics.sliced_wasserstein import sliced_wasserstein

__all__ = ["ClassProbe", "mean_pairwise_distance", "sliced_wasserstein"]
