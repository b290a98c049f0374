"""Array and dictionary transforms that bring GANs into MONAI pipelines."""

from __future__ import annotations

from monai_gan.transforms.save import SaveSynthetic, SaveSyntheticd

__all__ = ["SaveSynthetic", "SaveSyntheticd"]
