"""Random changes of whole batches on the training device, for sets so small that the same slices come again and again.

MONAI's random transforms change one sample at a time on the CPU. A small network on a GPU then waits for its data; here
the loader cuts slices only, and :class:`AugmentedBatch` does the rest where the network is.
"""

from __future__ import annotations

from monai_gan.augment.degrade import DegradeBatch
from monai_gan.augment.draws import Augmentation, Draws
from monai_gan.augment.mirror import MirrorBatch
from monai_gan.augment.prepare import AugmentedBatch, RandWordd
from monai_gan.augment.scanner import ScannerBatch
from monai_gan.augment.warp import WarpBatch

__all__ = [
    "Augmentation",
    "AugmentedBatch",
    "DegradeBatch",
    "Draws",
    "MirrorBatch",
    "RandWordd",
    "ScannerBatch",
    "WarpBatch",
]
