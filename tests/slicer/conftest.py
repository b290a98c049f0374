"""The extension as a whole: its folder, its modules, real scenes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mrml_scenes import new_scene

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def extension() -> Path:
    """The folder of the extension."""
    return ROOT / "slicer_extension"


@pytest.fixture
def scene() -> Iterator[Any]:
    """An empty scene."""
    pytest.importorskip("slicer", reason="slicer-core is not installed (there are wheels for Linux, Python 3.10-3.13)")
    made = new_scene()
    yield made
    made.Clear(1)
