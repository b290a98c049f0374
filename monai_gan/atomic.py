"""Files that are either complete or untouched."""

from __future__ import annotations

import os
import tempfile
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
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, see :func:`atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
