"""Files and folders that are either complete or untouched."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from monai_gan.errors import InputError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary file beside ``path`` that takes its place when the block ends without an error.

    Args:
        path: the file; missing parent folders are made.

    Raises:
        InputError: if it cannot be written; the old file is then as it was.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp makes it private, but results are shared
        temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be written: {error.strerror or error}; choose a folder that you may write to."
        ) from error
    finally:
        if temporary is not None:
            remove_path(temporary)


def write_atomic(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, see :func:`atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def replace_path(source: Path, target: Path) -> None:
    """Move a file or folder of the same disk to ``target``, over what is there, be it a file or a folder.

    A folder gives way only to a folder, and only if it holds no other kinds of files than that. It is put aside first,
    and back when the move fails.

    Raises:
        OSError: the move failed, or a folder is in the way; ``target`` is then as it was.
    """
    if not target.is_dir() or target.is_symlink():
        source.replace(target)
        return
    if not source.is_dir() or not _kinds(target) <= _kinds(source):
        raise FileExistsError(errno.EEXIST, "a folder with other content is in the way", str(target))
    aside = target.with_name(f".{uuid.uuid4().hex}")
    target.replace(aside)
    try:
        source.replace(target)
    except BaseException:
        aside.replace(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _kinds(folder: Path) -> set[str]:
    return {"/" if entry.is_dir() else entry.suffix for entry in folder.iterdir()}


def remove_path(path: Path) -> None:
    """Remove a file or folder if it is there; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink(missing_ok=True)
