"""Array and dictionary transforms that bring GANs into MONAI pipelines."""

from __future__ import annotations

from monai_gan.transforms.align import AlignRigidd
from monai_gan.transforms.anomaly_map import AnomalyMap, AnomalyMapd
from monai_gan.transforms.compact import CompactSlicesd
from monai_gan.transforms.foreground import ScaleForeground, ScaleForegroundd
from monai_gan.transforms.keep_inside import KeepInsided
from monai_gan.transforms.kspace import KSpaceTruncate, KSpaceTruncated
from monai_gan.transforms.low_dose import RandLowDoseCT, RandLowDoseCTd
from monai_gan.transforms.registered import CheckRegisteredd
from monai_gan.transforms.save import SaveSynthetic, SaveSyntheticd
from monai_gan.transforms.save_converted import SaveConvertedd
from monai_gan.transforms.slices import RandStackedSliced
from monai_gan.transforms.super_resolve import SuperResolve, SuperResolved
from monai_gan.transforms.synthesize import RandSynthesize, RandSynthesized, Synthesize, Synthesized
from monai_gan.transforms.translate import RandTranslate, RandTranslated, Translate, Translated
from monai_gan.transforms.warp import RandWarpd

__all__ = [
    "AlignRigidd",
    "AnomalyMap",
    "AnomalyMapd",
    "CheckRegisteredd",
    "CompactSlicesd",
    "KSpaceTruncate",
    "KSpaceTruncated",
    "KeepInsided",
    "RandLowDoseCT",
    "RandLowDoseCTd",
    "RandStackedSliced",
    "RandSynthesize",
    "RandSynthesized",
    "RandTranslate",
    "RandTranslated",
    "RandWarpd",
    "SaveConvertedd",
    "SaveSynthetic",
    "SaveSyntheticd",
    "ScaleForeground",
    "ScaleForegroundd",
    "SuperResolve",
    "SuperResolved",
    "Synthesize",
    "Synthesized",
    "Translate",
    "Translated",
]
