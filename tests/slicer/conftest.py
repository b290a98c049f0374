"""The extension as a whole: its folder, its modules, real scenes."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def extension() -> Path:
    """The folder of the extension."""
    return ROOT / "slicer_extension"


@pytest.fixture(scope="session")
def slicer_source() -> str:
    """A checkout of Slicer's sources; without one the tests that need the harness are skipped."""
    source = os.environ.get("SLICER_SOURCE_DIR", "")
    if not (Path(source) / "Base" / "Python" / "slicer" / "parameterNodeWrapper").is_dir():
        pytest.skip("SLICER_SOURCE_DIR names no checkout of Slicer; set it to run the panel in the harness")
    for package in ("slicer", "PySide6"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    return source
