"""Bundles that exist in memory only, and synthesizers around any network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from monai_gan.apps.synthesizer import Synthesizer
from monai_gan.bundle import BundleInfo


@pytest.fixture
def make_info(tmp_path: Path) -> Callable[..., BundleInfo]:
    """`BundleInfo` with the given entries of the metadata's own block."""

    def make(**extra: Any) -> BundleInfo:
        block = {"task": "synthesis", "spatial_dims": 2, "intensity": {"minimum": 0, "maximum": 255}, **extra}
        return BundleInfo("sketch", tmp_path, {"version": "1.0", "monai_gan": block})

    return make


@pytest.fixture
def make_synthesizer(make_info: Callable[..., BundleInfo]) -> Callable[..., Synthesizer]:
    """A `Synthesizer` around any network."""

    def make(network: nn.Module, **extra: Any) -> Synthesizer:
        return Synthesizer(make_info(**extra), network, torch.device("cpu"))

    return make
