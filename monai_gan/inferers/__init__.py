"""How networks are run over whole volumes; MONAI's own inferers serve beside these."""

from __future__ import annotations

from monai_gan.inferers.slices import StackedSliceInferer

__all__ = ["StackedSliceInferer"]
