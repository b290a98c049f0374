"""Handlers for :class:`~monai_gan.engines.GANTrainer`; those of MONAI and ignite attach as well."""

from __future__ import annotations

from monai_gan.handlers.checkpoint import CheckpointHandler, load_checkpoint, save_checkpoint
from monai_gan.handlers.codes import CodesHandler
from monai_gan.handlers.distance import SlicedWassersteinHandler
from monai_gan.handlers.loss_log import LossLogHandler
from monai_gan.handlers.mode_collapse import ModeCollapseHandler
from monai_gan.handlers.progress import ProgressHandler
from monai_gan.handlers.sample_grid import SampleGridHandler
from monai_gan.handlers.time_limit import TimeLimitHandler

__all__ = [
    "CheckpointHandler",
    "CodesHandler",
    "LossLogHandler",
    "ModeCollapseHandler",
    "ProgressHandler",
    "SampleGridHandler",
    "SlicedWassersteinHandler",
    "TimeLimitHandler",
    "load_checkpoint",
    "save_checkpoint",
]
