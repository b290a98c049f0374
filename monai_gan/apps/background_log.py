"""Keep the logs of failed jobs where a person finds them, and not too many."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from monai_gan.bundle import cache_dir

#: Logs that are kept.
KEPT = 20


def log_dir() -> Path:
    """The folder of the logs, inside the cache folder; it may not exist."""
    return cache_dir() / "logs"


def keep_log(lines: Sequence[str]) -> Path | None:
    """Write the log of one job and remove all but the newest.

    Args:
        lines: of the log.

    Returns:
        The file; None when it cannot be written, which must not hide the fault that it tells of.
    """
    path = log_dir() / f"{time.strftime('%Y%m%d_%H%M%S')}_{uuid.uuid4().hex[:6]}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        for old in sorted(path.parent.glob("*.log"))[:-KEPT]:
            old.unlink()
    except OSError:
        return None
    return path
