"""The trainer of all variants."""

from __future__ import annotations

from monai_gan.engines.batches import prepare_gan_batch
from monai_gan.engines.ema import EMA
from monai_gan.engines.guard import NonFiniteGuard
from monai_gan.engines.trainer import GANTrainer

__all__ = ["EMA", "GANTrainer", "NonFiniteGuard", "prepare_gan_batch"]
