"""Fixtures that all rooms share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mrml_scenes import new_scene
from tiny_bundle import build_tiny_bundle


def pytest_configure(config: pytest.Config) -> None:
    """Give each of pytest-xdist's processes one thread, and Triton its interpreter where there is no GPU."""
    if hasattr(config, "workerinput"):
        torch.set_num_threads(1)
    if not torch.cuda.is_available():
        # Triton reads it when kernels are imported, whichever test comes first.
        os.environ.setdefault("TRITON_INTERPRET", "1")


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data sets, named by ``MONAI_GAN_DATA``; without it tests are skipped, or fail in CI."""
    value = os.environ.get("MONAI_GAN_DATA", "")
    if value and Path(value).is_dir():
        return Path(value)
    message = f"MONAI_GAN_DATA={value!r} is not a folder" if value else "MONAI_GAN_DATA is not set"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{message}, and CI=true does not allow tests on real data to be skipped")
    pytest.skip(f"{message}; set it to the folder that holds the data sets")


@pytest.fixture
def scene() -> Iterator[Any]:
    """An empty MRML scene, from the package slicer-core."""
    pytest.importorskip("slicer", reason="slicer-core is not installed (there are wheels for Linux, Python 3.10-3.13)")
    made = new_scene()
    yield made
    made.Clear(1)


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_bundle(tmp_path_factory.mktemp("built"))


@pytest.fixture
def tiny(_built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A 2-D synthesis bundle of its own for the test, found by the name tiny_dcgan."""
    monkeypatch.setenv("MONAI_GAN_BUNDLES", str(tmp_path / "bundles"))
    monkeypatch.setenv("MONAI_GAN_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(_built, tmp_path / "bundles" / _built.name))


@pytest.fixture(autouse=True)
def _fixed_seed() -> None:
    """Start each test from one seed, so that its outcome does not depend on the tests before it."""
    torch.manual_seed(0)
