"""Real MRML scenes, from the package slicer-core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from mrml_scenes import add_volume, new_scene


@pytest.fixture
def scene() -> Iterator[Any]:
    """An empty scene."""
    pytest.importorskip("slicer", reason="slicer-core is not installed (there are wheels for Linux, Python 3.10-3.13)")
    made = new_scene()
    yield made
    made.Clear(1)


@pytest.fixture
def add(scene: Any) -> Callable[..., Any]:
    """Add a volume to the scene; by default an oblique, anisotropic one."""

    def add(voxels: np.ndarray | None = None, **options: Any) -> Any:
        return add_volume(scene, voxels, **options)

    return add
