"""Write docs/benchmarks.md from the stored results: ``python -m benchmarks.report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.results import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

This page is written by `python -m benchmarks.report` from `benchmarks/results/*.json`. Every figure is a ratio against
a named opponent, measured in one run; machines differ, and so do shared machines from hour to hour, so absolute times
are left out. Nothing has been measured on a GPU yet.
"""


def trainer_overhead(report: dict[str, Any]) -> str:
    """The section on the trainer's cost."""
    rows = [
        f"| {r['bundle']} | {r['precision']} | {r['ratio']:.3f} "
        f"| {r['quartiles'][0]:.3f} to {r['quartiles'][1]:.3f} | {r['blocks']} x {r['steps_per_block']} |"
        for r in report["results"]
    ]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return "\n".join(
        [
            "## What the trainer costs",
            "",
            "`GANTrainer`, with averaged weights, guard and events, against the same step written by hand in plain",
            "torch on tensors in memory (64 px, batch 32); 1 means no cost.",
            "Made by `python -m benchmarks.trainer_overhead`.",
            "",
            "| networks of | precision | time, trainer / bare loop | quartiles | pairs x steps |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"{report['date']}, {report['device']}, {report['threads']} thread(s), {versions}; peak memory of the "
            f"process with both loops {report['peak_memory_mib']} MiB.",
        ]
    )


SECTIONS = {"trainer_overhead": trainer_overhead}


def main() -> None:
    """Write the page."""
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    PAGE.write_text("\n".join([HEAD, *(SECTIONS[r["benchmark"]](r) + "\n" for r in reports)]), encoding="utf-8")


if __name__ == "__main__":
    main()
