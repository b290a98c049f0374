"""The section of the docs on augmentation across modality, from the stored result."""

from __future__ import annotations

import textwrap
from typing import Any

from benchmarks.results import measured_on


def cross_modality(report: dict[str, Any]) -> str:
    """The section as Markdown."""
    rows, volumes, bundle = report["rows"], report["volumes"], report["bundle"]
    seeds = len({row["seed"] for row in rows})
    method = (
        f"White matter, segmented by a 2-D U-Net that learnt from {volumes['train']} T1 volumes of {report['data']} "
        f"({report['training']['steps']} steps), on the T1 and on the T2 of {volumes['test']} test volume(s); labels "
        f"are made from the T1. Dice coefficients, mean and range over {seeds} seeds; the last arm learnt from real T2 "
        f"with labels. Translations by `{bundle['name']}` {bundle['version']}. Method and limits: "
        "[cross-modality](cross-modality.md). Made by `python -m benchmarks.cross_modality`."
    )
    lines = ["## Does a segmenter that saw T1 work on T2?", "", textwrap.fill(method, 120, break_on_hyphens=False), ""]
    lines += ["| learnt from | Dice on T1 | Dice on T2 |", "|---|---|---|"]
    for arm in dict.fromkeys(row["arm"] for row in rows):
        scores = [row["dice"] for row in rows if row["arm"] == arm]
        cells = [_mean_and_range([score[contrast] for score in scores]) for contrast in ("T1", "T2")]
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"{measured_on(report)}."])


def _mean_and_range(values: list[float]) -> str:
    return f"{sum(values) / len(values):.3f} ({min(values):.3f} to {max(values):.3f})"
