"""Figures of rows - a model and what it has to beat - as metadata and as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.cards import DIGITS

MODEL = "this model"
Figures = dict[str, float]
Rows = dict[str, Figures]

EXPLANATIONS = {
    "psnr_mask": "PSNR in the mask, dB; higher is better",
    "ssim_mask": "SSIM in the mask; higher is better",
    "mae_mask": "MAE in the mask; lower is better",
    "psnr_image": "PSNR of the whole image with its empty background, dB",
    "ssim_image": "SSIM of the whole image with its empty background",
    "mae_image": "MAE of the whole image with its empty background",
    "perceptual_efficientnet_lite0": "Perceptual distance in the mask (EfficientNet-Lite0); lower is better",
    "spectrum_distance": "Distance of power spectra in the mask, decades; lower is better",
    "mae_lesion": "MAE inside of lesions",
    "mae_outside_lesion": "MAE in the mask outside of lesions",
    "lesion_contrast": "Contrast-to-noise of lesions; that of the target is right",
    "lesion_contrast_target": "Contrast-to-noise of lesions in the target",
    "lesions_found": "Share of the lesions where the result has a bright spot; higher is better",
    "lesions_found_target": "Share of the lesions where the target has one",
    "false_lesions": "False lesions: bright spots per litre where target and lesion mask have none; lower is better",
}


def mean_figures(figures: Sequence[Figures]) -> Figures:
    """The mean of each figure over the volumes that have it."""
    names = dict.fromkeys(name for one in figures for name in one)
    return {name: float(np.mean([one[name] for one in figures if name in one])) for name in names}


def as_metrics(
    rows: Rows, data: str, n: int, headline: str | None, direction: str | None = None
) -> list[dict[str, Any]]:
    """The figures of the test subjects in the form of the bundle's metadata.

    Args:
        rows: with the row ``MODEL``.
        data: name of the set.
        n: volumes.
        headline: the figure to mark, or None.
        direction: which way, for a bundle that has several; it becomes part of the names.
    """
    return [
        {
            "name": name if direction is None else f"{name}, {direction}",
            "value": round(value, DIGITS),
            "n": n,
            "extractor": "efficientnet_lite0" if name.endswith("efficientnet_lite0") else None,
            "data": data,
            "split": "test",
            "floor": None,
            "baseline": {row: round(of[name], DIGITS) for row, of in rows.items() if row != MODEL},
            "mark": name == headline,
        }
        for name, value in rows[MODEL].items()
    ]


def table(rows: Rows, name: str, n: int) -> str:
    """The figures of one kind of input as a Markdown table."""
    volumes = "1 volume" if n == 1 else f"{n} volumes"
    lines = [f"| {name} ({volumes}) | " + " | ".join(rows) + " |", "|---|" + "---|" * len(rows)]
    for figure in rows[MODEL]:
        # Rounded as in the metadata first, so that both say the same.
        cells = [f"{round(of[figure], DIGITS):.3f}" for of in rows.values()]
        lines.append(f"| {EXPLANATIONS[figure]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
