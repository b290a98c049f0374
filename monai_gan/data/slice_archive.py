"""Slices of several contrasts as a set of single images whose class is the contrast."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from monai_gan.data.sources import find_folder
from monai_gan.data.table import ImageTable
from monai_gan.errors import InputError

_KEYS = ("images", "contrasts", "available", "subject", "split")


def holds_contrasts(path: Path) -> bool:
    """Whether an ``.npz`` is an archive for :func:`contrast_slices`; False for what cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {"contrasts", "available"} <= set(archive.files)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return False


def contrast_slices(source: str | os.PathLike[str], contrasts: Sequence[str] | None = None) -> ImageTable:
    """Read an archive of slices with several contrasts; a slice gives an image per contrast that it has.

    Args:
        source: an ``.npz``, or the folder or named set that holds one. ``images`` is (N, K, *S), ``contrasts`` (K,) are
            names, ``available`` (N, K) tells which are there, ``subject`` (N,) tells persons apart, ``split`` (N,) is
            0, 1 or 2.
        contrasts: those that are wanted, in the order of their class numbers; by default all.

    Returns:
        A source for ``ImageDataset``: the images, their contrast as label, the persons and the split.

    Raises:
        InputError: the archive is not found, cannot be read, lacks an array or a contrast.
    """
    path = Path(source)
    if path.suffix != ".npz":
        folder = find_folder(source)
        path = next(iter(sorted(folder.glob("*.npz"))), folder / "slices.npz")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in _KEYS if key in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"'{path}' cannot be read as .npz ({error}); give an archive of slices.") from error
    if missing := [key for key in _KEYS if key not in arrays]:
        raise InputError(f"'{path}' lacks {', '.join(missing)}: give an archive with {', '.join(_KEYS)}.")
    names = [str(name) for name in arrays["contrasts"]]
    wanted = names if contrasts is None else list(contrasts)
    if unknown := [name for name in wanted if name not in names]:
        raise InputError(f"contrasts {', '.join(unknown)} are not in '{path}', which has {', '.join(names)}.")
    images, available = arrays["images"], arrays["available"].astype(bool)
    if images.ndim < 4 or images.shape[:2] != available.shape or images.shape[1] != len(names):
        raise InputError(
            f"'{path}' holds images of shape {images.shape} and available of shape {available.shape}, but there are "
            f"{len(names)} contrasts: give (N, {len(names)}, *S) and (N, {len(names)})."
        )
    slices, classes = np.nonzero(available[:, [names.index(name) for name in wanted]])
    return ImageTable(
        name=str(path),
        images=images[slices, np.asarray([names.index(name) for name in wanted])[classes]],
        labels=classes.astype(np.int64),
        label_names=tuple(wanted),
        subjects=arrays["subject"][slices],
        splits=arrays["split"][slices].astype(np.int64),
    )
