"""Whole jobs: load a bundle, synthesize, translate, enhance, detect, train, evaluate, inspect the machine.

Names are reached lazily, so that importing this package costs nothing and the command line starts at once.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from monai_gan.lazy import lazy_names

if TYPE_CHECKING:
    from monai_gan.apps.anomaly_detector import AnomalyDetector, AnomalyResult
    from monai_gan.apps.background import BackgroundJob, JobState
    from monai_gan.apps.background_faults import JobFault
    from monai_gan.apps.calibrate import calibrate_detector
    from monai_gan.apps.demo import demo
    from monai_gan.apps.detect import detect
    from monai_gan.apps.detection_report import detection_report
    from monai_gan.apps.device import resolve_device
    from monai_gan.apps.doctor import diagnose
    from monai_gan.apps.evaluate import evaluate
    from monai_gan.apps.jobs import CancelCheck, Progress, ProgressCallback, Reporter, check_cancel
    from monai_gan.apps.load import load
    from monai_gan.apps.runner import run_request
    from monai_gan.apps.synthesize import synthesize
    from monai_gan.apps.synthesizer import Synthesizer
    from monai_gan.apps.train import train
    from monai_gan.apps.volume_model import Enhancer, Translator, VolumeResult
    from monai_gan.apps.volumes import enhance, translate

_HOMES = {
    "AnomalyDetector": "anomaly_detector",
    "AnomalyResult": "anomaly_detector",
    "BackgroundJob": "background",
    "CancelCheck": "jobs",
    "Enhancer": "volume_model",
    "JobFault": "background_faults",
    "JobState": "background",
    "Progress": "jobs",
    "ProgressCallback": "jobs",
    "Reporter": "jobs",
    "Synthesizer": "synthesizer",
    "Translator": "volume_model",
    "VolumeResult": "volume_model",
    "calibrate_detector": "calibrate",
    "check_cancel": "jobs",
    "demo": "demo",
    "detect": "detect",
    "detection_report": "detection_report",
    "diagnose": "doctor",
    "enhance": "volumes",
    "evaluate": "evaluate",
    "load": "load",
    "resolve_device": "device",
    "run_request": "runner",
    "synthesize": "synthesize",
    "train": "train",
    "translate": "volumes",
}

__all__ = [
    "AnomalyDetector",
    "AnomalyResult",
    "BackgroundJob",
    "CancelCheck",
    "Enhancer",
    "JobFault",
    "JobState",
    "Progress",
    "ProgressCallback",
    "Reporter",
    "Synthesizer",
    "Translator",
    "VolumeResult",
    "calibrate_detector",
    "check_cancel",
    "demo",
    "detect",
    "detection_report",
    "diagnose",
    "enhance",
    "evaluate",
    "load",
    "resolve_device",
    "run_request",
    "synthesize",
    "train",
    "translate",
]


class _Apps(ModuleType):
    """Keeps `load` and others functions: importing the file of that name would put the module in their place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Apps


__getattr__, __dir__ = lazy_names(__name__, _HOMES)
