"""The files of a result, kept for download until the viewer ends."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_gan.viewer.uploads import safe_name

_IMAGES = (".nii.gz", ".nii", ".nrrd")


def keep_files(result: Mapping[str, Any], folder: Path, source: str = "") -> list[Path]:
    """Copy what a job has written.

    Args:
        result: the runner's event of that name; its files are still there.
        folder: where the copies go, empty.
        source: name of the image that was worked on, which the copies are called after.

    Returns:
        What a person downloads: the image or, of several, a zip with all files; then what describes it.
    """
    written = [Path(file) for file in result.get("files") or ()]
    copies = []
    for path in sorted({path for file in written for path in file.parent.iterdir() if path.is_file()}):
        name = (
            path.name.replace("input", safe_name(source), 1) if source and path.name.startswith("input") else path.name
        )
        copies.append(Path(shutil.copyfile(path, folder / name)))
    images = [path for path in copies if path.name.endswith(_IMAGES)]
    if len(images) <= 1:
        return images + [path for path in copies if path not in images]
    request = result.get("request") or {}
    seed = f"_s{request['seed']}" if "seed" in request else ""
    packed = folder / f"{(result.get('bundle') or {}).get('name', 'result')}{seed}.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:  # images and pictures are packed already
        for path in copies:
            archive.write(path, path.name)
    return [packed]
