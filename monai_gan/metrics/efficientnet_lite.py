"""EfficientNet-Lite0 where evaluation has always found it."""

from __future__ import annotations

from monai_gan.networks.backbones.efficientnet_lite import EfficientNetLite0

__all__ = ["EfficientNetLite0"]
