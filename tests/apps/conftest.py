"""Bundles small enough to run in milliseconds, found by name; built on the helper of tests/support."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_bundle import build_tiny_bundle
from torch import nn

from monai_gan.apps.synthesizer import Synthesizer
from monai_gan.bundle import BundleInfo


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_bundle(tmp_path_factory.mktemp("built"))


@pytest.fixture
def tiny(_built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A 2-D synthesis bundle of its own for the test, found by the name tiny_dcgan."""
    monkeypatch.setenv("MONAI_GAN_BUNDLES", str(tmp_path / "bundles"))
    monkeypatch.setenv("MONAI_GAN_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(_built, tmp_path / "bundles" / _built.name))


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
