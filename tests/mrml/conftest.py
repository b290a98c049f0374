"""Real MRML scenes, from the package slicer-core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mrml_scenes import add_volume


@pytest.fixture
def add(scene: Any) -> Callable[..., Any]:
    """Add a volume to the scene; by default an oblique, anisotropic one."""

    def add(voxels: np.ndarray | None = None, **options: Any) -> Any:
        return add_volume(scene, voxels, **options)

    return add
