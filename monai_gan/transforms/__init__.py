"""Array and dictionary transforms that bring GANs into MONAI pipelines."""

from __future__ import annotations

from monai_gan.transforms.save import SaveSynthetic, SaveSyntheticd
from monai_gan.transforms.synthesize import RandSynthesize, RandSynthesized, Synthesize, Synthesized

__all__ = ["RandSynthesize", "RandSynthesized", "SaveSynthetic", "SaveSyntheticd", "Synthesize", "Synthesized"]
