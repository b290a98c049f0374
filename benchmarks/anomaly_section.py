"""The figures of the page on anomaly detection, of the cards and the metadata, from the stored results.

python -m benchmarks.anomaly_section
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.anomaly import RESULTS
from benchmarks.anomaly_cards import write_bundle_figures
from benchmarks.anomaly_speed import SPEED
from benchmarks.cards import DIGITS
from benchmarks.results import measured_on

PAGE = Path(__file__).resolve().parents[1] / "docs" / "anomaly.md"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
IMAGE_COLUMNS = {"auroc": "image AUROC", "average_precision": "image AP"}
PIXEL_COLUMNS = {
    "pixel_average_precision": "pixel AP",
    "pixel_dice": "Dice at threshold",
    "pixel_auroc": "pixel AUROC",
    "region_overlap": "PRO",
}
FURTHER = {
    "auroc_map": "image AUROC by the map",
    "auroc_network": "image AUROC by the network's score",
    "false_positives": "false positives",
    "found": "found",
    "random_splits": "rate over random splits",
    "sharpness_matched": "AUROC, sharpness-matched pairs",
}


def section(results: Mapping[str, Any]) -> str:
    """All sets as Markdown."""
    method = (
        "Every detector on every set, made by `python -m benchmarks.anomaly`. Intervals of 95 % come of resampled "
        "patients and, of each, resampled images; differences are paired. Pixel figures are taken inside the body, "
        "where Dice is at the level that 1 % of an average held-out normal body exceeds. False positives are at "
        "the threshold for 5 %, or for the least rate that the units allow; the rate over random splits is that "
        "for 5 % over 200 halves of the normal images, calibration and test together. Ties are ranked by average. "
        "The denoising auto-encoder is a small one (10 to 64 channels, in 3-D 4 to 32), trained for 500 to 800 steps "
        "of 16 images, in 3-D of 4: more may help. BEGAN and AnoGAN have no row: no BEGAN was trained "
        "on these sets, and the latent search of AnoGAN takes seconds an image."
    )
    parts = ["## Figures", "", textwrap.fill(method, 120), ""]
    for result in results.values():
        parts += _set(result)
    return "\n".join(parts).rstrip() + "\n"


def card(name: str, result: Mapping[str, Any]) -> str:
    """The figures of one network's card."""
    others = [row for row in result["bundles"] if row != name]
    rows = {row: values for row, values in result["rows"].items() if row not in others}
    lines = _set({**result, "rows": rows, "differences": {name: result["differences"][name]}})
    return "\n".join(lines[2:]).rstrip()


def _set(result: Mapping[str, Any]) -> list[str]:
    rows: Mapping[str, Mapping[str, Any]] = result["rows"]
    with_pixels = any(row["pixel_average_precision"] is not None for row in rows.values())
    further = {key: name for key, name in FURTHER.items() if any(key in row for row in rows.values())}
    columns = IMAGE_COLUMNS | (PIXEL_COLUMNS if with_pixels else {}) | further
    units = f" of {result['units']} units" if result.get("units") else ""
    prevalence = f", {result['prevalence']:.2%} of the pixels" if "prevalence" in result else ""
    counts = f"{result['n']} images{units}, {result['n_anomalous']} anomalous{prevalence}; "
    counts += f"{result['resamplings']} resamplings."
    lines = [f"### {result['title']}", "", textwrap.fill(f"{result['note']} {counts}", 120), ""]
    lines += [f"| detector | {' | '.join(columns.values())} |", "|---|" + "---|" * len(columns)]
    lines += [f"| {name} | {' | '.join(_cell(row.get(key)) for key in columns)} |" for name, row in rows.items()]
    lines.append("")
    lines += [line for name in result["differences"] for line in (verdict(name, result), "")]
    return lines


def verdict(name: str, result: Mapping[str, Any]) -> str:
    """One paragraph on whether a network beats the others, and which to use instead."""
    sentences = []
    for figure, words in (("auroc", "image AUROC"), ("pixel_average_precision", "pixel AP")):
        differences = result["differences"][name].get(figure)
        if not differences:
            continue
        beaten = [other for other, (_, low, _) in differences.items() if low > 0]
        better = [other for other, (_, _, high) in differences.items() if high < 0]
        open_ = [other for other in differences if other not in beaten and other not in better]
        if len(beaten) == len(differences):
            sentences.append(f"By {words} it is better than all others.")
            continue
        best = max((other for other in differences), key=lambda other: -differences[other][0])
        said = [f"better than {', '.join(beaten)}"] if beaten else []
        said += [f"worse than {', '.join(better)}"] if better else []
        said += [f"not told apart from {', '.join(open_)}"] if open_ else []
        end = f"; use {best} instead" if better else ""
        sentences.append(f"By {words} it is {'; '.join(said)}{end}.")
    return textwrap.fill(f"**{name}**: {' '.join(sentences)}", 120)


def _cell(value: Any) -> str:
    """A figure, rounded as in the metadata first, so that both say the same."""
    if value is None:
        return "-"
    if isinstance(value, list):
        middle, low, high = (round(part, DIGITS) for part in value)
        return f"{middle:.3f} ({low:.3f} to {high:.3f})"
    return f"{round(value, DIGITS):.3f}"


def speed(report: Mapping[str, Any]) -> str:
    """The time of a score as Markdown."""
    text = (
        f"One thread of a CPU scores {report['fanogan_images_per_second']:.0f} images of 64 x 64 pixels a second with "
        f"`{report['bundle']}`. The search of AnoGAN through the same networks takes {report['search_steps']} steps an "
        f"image and does {report['anogan_images_per_second']:.2f}: f-AnoGAN is {report['ratio']:.0f} times as fast. "
        f"(CPU time; {measured_on(dict(report))}; `python -m benchmarks.anomaly_speed`)"
    )
    return f"\n### Speed\n\n{textwrap.fill(text, 120)}\n"


def main() -> None:
    """Renew the figures everywhere."""
    page = PAGE.read_text(encoding="utf-8")
    results = json.loads(RESULTS.read_text())
    figures = f"{BEGIN}\n{section(results)}{speed(json.loads(SPEED.read_text()))}{END}\n"
    if BEGIN in page:
        before, _, rest = page.partition(BEGIN)
        page = before + figures + rest.partition(END)[2].lstrip("\n")
    else:
        page = f"{page.rstrip()}\n\n{figures}"
    PAGE.write_text(page, encoding="utf-8")
    for result in results.values():
        for row, bundle in result["bundles"].items():
            write_bundle_figures(bundle, row, result, card(row, result))


if __name__ == "__main__":
    main()
