"""Images small enough to train on in milliseconds, as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_tiny_images(
    path: Path, n: int = 20, size: int = 8, dtype: str = "uint8", seed: int = 0, split: int | None = 0
) -> Path:
    """Write ``n`` random images as an ``.npz`` and return its path.

    Args:
        path: the file.
        n: number of images.
        size: pixels per side.
        dtype: ``"uint8"`` for 0..255; a floating type for values around 0 with a spread of 100.
        seed: of the values.
        split: the part that all are of, 0 for training; None says nothing of parts.
    """
    random = np.random.default_rng(seed)
    shape = (n, size, size)
    images = random.integers(0, 256, shape) if dtype == "uint8" else 100 * random.standard_normal(shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = {} if split is None else {"split": np.full(n, split, dtype=np.int64)}
    np.savez(path, images=images.astype(dtype), **parts)
    return path
