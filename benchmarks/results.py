"""Where measurements are kept, and what is noted beside them."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import ignite
import monai
import torch

RESULTS = Path(__file__).parent / "results"


def environment(threads: int) -> dict[str, Any]:
    """Date, hardware and versions of a measurement."""
    gpu = torch.cuda.is_available()
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "device": torch.cuda.get_device_name() if gpu else _cpu(),
        "threads": threads,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "monai": monai.__version__,
            "ignite": ignite.__version__,
        },
    }


def measured_on(report: dict[str, Any]) -> str:
    """Date, hardware and versions of a stored measurement, for the docs."""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return f"{report['date']}, {report['device']}, {report['threads']} thread(s), {versions}"


def save(report: dict[str, Any]) -> None:
    """Write a report to ``results/<benchmark>.json``."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{report['benchmark']}.json"
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return f"{line.split(':', 1)[1].strip()} (CPU)"
    return platform.processor() or platform.machine()


def told_ratio(timing: Mapping[str, Any]) -> str:
    """The ``ratio`` of a timing with its ``quartiles``, for a table."""
    return "**{:.2f}** ({:.2f} to {:.2f})".format(timing["ratio"], *timing["quartiles"])
