"""How much the figures vary between persons: each training subject by a network that was trained without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cards import DIGITS
from benchmarks.figure_tables import Figures, mean_figures
from benchmarks.pair_cases import Case, load_pairs
from benchmarks.pair_expectations import as_volume, unit_scale
from benchmarks.pair_measures import measure
from benchmarks.pair_rivals import inverted_and_matched
from monai_gan.apps import load
from monai_gan.bundle.files import METADATA, read_json

#: Folders of the trainings that left a subject out.
PREFIX = "fold_"
CASE = Case("left out, brain only", "train", margin=0.0, within_mask=True)
SHOWN = {"psnr_mask": "PSNR, dB", "ssim_mask": "SSIM", "mae_mask": "MAE"}


def left_out(bundle: Path, folds: Path, device: str) -> tuple[str, dict[str, Any]]:
    """Figures by subject.

    Args:
        bundle: the bundle that was trained on all.
        folds: holds ``fold_<subject>/<bundle name>`` for each subject.
        device: of the networks.

    Returns:
        A Markdown table, and a block for the metadata.
    """
    folders = sorted(folds.glob(f"{PREFIX}*/{bundle.name}"))
    subjects = [folder.parent.name.removeprefix(PREFIX) for folder in folders]
    if len(folders) < 2:
        raise SystemExit(f"'{folds}' holds {len(folders)} of {PREFIX}<subject>/{bundle.name}: at least 2 are needed.")
    all_pairs = {subject: load_pairs(bundle, CASE, subject=subject) for subject in subjects}
    found = {}
    for subject, folder in zip(subjects, folders, strict=True):
        model, pairs = load(folder, device), all_pairs[subject]
        others = [pair for other in subjects if other != subject for pair in all_pairs[other]]
        made = [measure(unit_scale(model(as_volume(pair)), model), pair, device) for pair in pairs]
        matched = [measure(inverted_and_matched(pair, others), pair, device) for pair in pairs]
        found[subject] = mean_figures(made), mean_figures(matched)
    block = {
        name: {
            "mean": round(float(np.mean(values)), DIGITS),
            "standard_deviation": round(float(np.std(values, ddof=1)), DIGITS),
            "n": len(values),
        }
        for name in SHOWN
        for values in [[made[name] for made, _ in found.values()]]
    }
    steps = [read_json(folder / METADATA)["monai_gan"]["training"]["steps"] for folder in folders]
    return _table(found), block | {"steps": [min(steps), max(steps)]}


def _table(found: dict[str, tuple[Figures, Figures]]) -> str:
    heads = [f"{text} ({row})" for text in SHOWN.values() for row in ("left out", "matched copy")]
    lines = [f"| subject | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    columns = [[pair[row][name] for pair in found.values()] for name in SHOWN for row in (0, 1)]
    for number, subject in enumerate(found):
        lines.append(f"| {subject} | " + " | ".join(f"{column[number]:.3f}" for column in columns) + " |")
    spread = [f"{np.mean(column):.3f} ± {np.std(column, ddof=1):.3f}" for column in columns]
    lines.append("| mean ± standard deviation | " + " | ".join(spread) + " |")
    return "\n".join(lines)
