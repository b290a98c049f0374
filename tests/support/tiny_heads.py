"""Writes small heads in several contrasts, in the folder layout of a set with sessions."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

SIZE = (32, 48, 6)


def write_tiny_heads(folder: Path, subjects: int = 2) -> Path:
    """Three contrasts, and a mask, of some subjects; all belong to the training part.

    Returns:
        ``folder``, which can be given as ``dataset_dir``.
    """
    position = np.stack(np.meshgrid(*[np.linspace(-1, 1, size) for size in SIZE], indexing="ij"))
    lines = ["subject\tsession\tsplit"]
    for number in range(subjects):
        radius = np.linalg.norm(position, axis=0) * (1 + 0.1 * number)
        brain, core = radius < 0.8, radius < 0.4
        noise = np.random.RandomState(number).rand(*SIZE) * 8
        images = {
            "T1": (radius < 1) * 40 + brain * 100 - core * 60 + noise,
            "T2": (radius < 1) * 60 + brain * 30 + core * 100 + noise,
            "FLAIR": (radius < 1) * 50 + brain * 60 - core * 50 + noise,
            "brainmask": brain.astype(np.uint8),
        }
        place = folder / f"s{number}" / "ses-1"
        place.mkdir(parents=True)
        for name, values in images.items():
            affine = np.diag([-1.5, -1.5, 3.0, 1.0])
            nibabel.save(nibabel.Nifti1Image(values.astype(np.float32), affine), place / f"{name}.nii.gz")
        lines.append(f"s{number}\tses-1\ttrain")
    (folder / "sessions.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
