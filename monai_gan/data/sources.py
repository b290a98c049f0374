"""Find out what a `source` means: a named set, an `.npz` archive, a folder of images, or the demo."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from monai_gan.data.archive import join_classes, read_archive
from monai_gan.data.table import ImageTable
from monai_gan.errors import InputError

DATA_VARIABLE = "MONAI_GAN_DATA"
DEMO_PREFIX = "demo:"


def named_sets() -> list[str]:
    """List the sets under the folder that ``$MONAI_GAN_DATA`` names.

    Returns:
        Names for ``source``: ``"mednist64"`` stands for all its classes, ``"mednist64/CXR"`` for one. Empty when the
        variable is unset.
    """
    root = _root()
    if root is None or not root.is_dir():
        return []
    names: list[str] = []
    for path in sorted(root.iterdir()):
        if path.suffix == ".npz":
            names.append(path.stem)
        if not path.is_dir():
            continue
        archives = sorted(path.glob("*.npz"))
        if archives:
            names.append(path.name)
        if len(archives) > 1:
            names += [f"{path.name}/{archive.stem}" for archive in archives]
    return names


def open_source(
    source: str | os.PathLike[str], *, spatial_dims: int = 2, image_size: Sequence[int] | None = None
) -> ImageTable:
    """Open a source.

    A path that exists comes first, then a named set. A folder that holds ``.npz`` archives is one set, each archive a
    class; any other folder is read as images. An archive of slices in several contrasts gives one image per contrast
    (:func:`~monai_gan.data.contrast_slices`).

    Args:
        source: ``"demo:mni152"``; a path to an ``.npz`` or a folder; or a name under ``$MONAI_GAN_DATA``.
        spatial_dims: 2 or 3; tells whether DICOM files are images or slices, and what the demo gives.
        image_size: the size that the demo generates.

    Raises:
        InputError: nothing of that name is found; says what there is.
    """
    text = os.fspath(source)
    if text.startswith(DEMO_PREFIX):
        from monai_gan.data.demo import demo_table

        return demo_table(text.removeprefix(DEMO_PREFIX), spatial_dims=spatial_dims, image_size=image_size)
    for path in _candidates(text):
        if path.is_file():
            return _open_file(path)
        if path.is_dir():
            archives = sorted(path.glob("*.npz"))
            if archives:
                return _open_file(archives[0]) if len(archives) == 1 else join_classes(archives)
            from monai_gan.data.folder import read_folder

            return read_folder(path, spatial_dims=spatial_dims)
    raise InputError(_not_found(text))


def find_folder(source: str | os.PathLike[str]) -> Path:
    """The folder of that path, or of that name under ``$MONAI_GAN_DATA``.

    Raises:
        InputError: there is none; says what there is.
    """
    text = os.fspath(source)
    for path in _candidates(text):
        if path.is_dir():
            return path
    raise InputError(_not_found(text))


def _open_file(path: Path) -> ImageTable:
    if path.suffix == ".npz":
        from monai_gan.data.slice_archive import contrast_slices, holds_contrasts

        return contrast_slices(path) if holds_contrasts(path) else read_archive(path)
    raise InputError(
        f"'{path}' is one file, but a source holds many images: give its folder, or an .npz with 'images'."
    )


def _root() -> Path | None:
    value = os.environ.get(DATA_VARIABLE, "")
    return Path(value).expanduser() if value else None


def _candidates(text: str) -> list[Path]:
    path = Path(text).expanduser()
    root = _root()
    if root is None or path.is_absolute():
        return [path]
    named = root / text
    return [path, named, named.with_name(named.name + ".npz")]


def _not_found(text: str) -> str:
    root = _root()
    if root is None:
        return (
            f"source '{text}' is neither a file nor a folder, and {DATA_VARIABLE} is unset: "
            f"give a path, or set {DATA_VARIABLE} to the folder of the named sets."
        )
    found = ", ".join(named_sets()) or "no sets"
    return f"source '{text}' is neither a file nor a folder, and {DATA_VARIABLE}={root} lacks it; it has: {found}."
