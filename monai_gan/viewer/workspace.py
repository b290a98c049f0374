"""The private folder of one run of the viewer: uploads while they are read, results until it ends."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

PREFIX = "monai_gan_viewer_"


class Workspace:
    """A folder that only this user can read, removed at the end; a context manager.

    A viewer that was killed cannot tidy up: the next one removes what it left.

    Args:
        parent: where the folder goes; default: the folder for temporary files.
    """

    def __init__(self, parent: Path | None = None) -> None:
        place = Path(tempfile.gettempdir()) if parent is None else parent
        remove_abandoned(place)
        self.root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}_", dir=place))

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def folder(self, purpose: str) -> Path:
        """A new, empty folder.

        Args:
            purpose: first part of its name.
        """
        return Path(tempfile.mkdtemp(prefix=f"{purpose}_", dir=self.root))

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.root, ignore_errors=True)


def remove_abandoned(parent: Path) -> list[Path]:
    """Remove the folders of this user's viewers that do not run any more.

    Args:
        parent: where to look.

    Returns:
        What was removed.
    """
    import psutil

    removed = []
    for folder in parent.glob(f"{PREFIX}*_*"):
        owner = folder.name[len(PREFIX) :].partition("_")[0]
        try:
            mine = not folder.is_symlink() and (not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid())
        except OSError:
            continue
        if mine and owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed
