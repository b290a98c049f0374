"""The folder where unpacked and downloaded bundles are kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: Overrides the platform's cache folder.
CACHE_VARIABLE = "MONAI_GAN_CACHE"


def cache_dir() -> Path:
    """The cache folder: ``$MONAI_GAN_CACHE``, else ``monai-gan`` in the platform's own cache folder.

    That is ``$XDG_CACHE_HOME`` or ``~/.cache`` on Linux, ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows.
    The folder is not created.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        base = Path(local) if local else Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        # The XDG specification says that a relative value is to be ignored.
        xdg = os.environ.get("XDG_CACHE_HOME", "")
        base = Path(xdg) if Path(xdg).is_absolute() else Path.home() / ".cache"
    return base / "monai-gan"
