"""The section of the docs on what synthetic images are worth to a classifier, from the stored result."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from benchmarks.results import measured_on

#: What is asked of the figures: an arm, and the one that it has to beat.
QUESTIONS = (
    ("real + GAN", "real", "GAN images added to real ones, against real ones alone"),
    ("real + GAN", "real + classical", "GAN images in place of classical augmentation"),
    ("real + classical + GAN", "real + classical", "GAN images on top of classical augmentation"),
    ("GAN only", "real", "GAN images alone, against the real ones that the GAN learnt from"),
)
SCORES = {"auroc": "area under the ROC curve", "balanced_accuracy": "balanced accuracy"}


def downstream(report: dict[str, Any]) -> str:
    """The section as Markdown."""
    images, seeds = report["images"], len({row["seed"] for row in report["rows"]})
    tried = len(next(iter(report["arms"].values())))
    method = (
        f"Normal or pneumonia in paediatric chest X-rays of 28 px ({report['data']}): {images['train']} images "
        f"to draw training sets from, {images['val']} for validation, {images['test']} for the test. The generator is "
        "one small WGAN-GP per class, trained on the n real images that the classifier has and no others. Each arm "
        f"tries {tried} settings, the validation images choose, the test images are scored once. Means over {seeds} "
        "repetitions, each with another subset, generator and classifier, with Student's 95 % intervals; differences "
        "are paired. The rules are those of [downstream](downstream.md). Made by `python -m benchmarks.downstream`."
    )
    lines = ["## Do synthetic images help a classifier?", "", textwrap.fill(method, 120), ""]
    for score, name in SCORES.items():
        lines += [*_means(report["comparisons"][score]["real"], list(report["arms"]), name), ""]
    for arm, opponent, question in QUESTIONS:
        lines += [*_answer(report["comparisons"], arm, opponent, question), ""]
    end = (
        "An interval that leaves out zero counts as a difference; with so many intervals, one or the other does by "
        f"chance. {measured_on(report)}; "
        f"{report['generator']['iterations']} generator steps per class and size."
    )
    lines.append(textwrap.fill(end, 120))
    return "\n".join(lines)


def _means(rows: Sequence[dict[str, Any]], arms: Sequence[str], name: str) -> list[str]:
    """A table of means by size and arm."""
    found = {(row["n"], row["arm"]): row["mean"] for row in rows}
    lines = [f"| {name}, n real images | {' | '.join(arms)} |", "|---|" + "---|" * len(arms)]
    for n in sorted({n for n, _ in found}):
        cells = [f"{mean:.3f} ({low:.3f} to {high:.3f})" for mean, low, high in (found[n, arm] for arm in arms)]
        lines.append(f"| {n} | {' | '.join(cells)} |")
    return lines


def _answer(comparisons: dict[str, Any], arm: str, opponent: str, question: str) -> list[str]:
    """A table of differences by size, each with what it says."""
    lines = [f"| {question}: n | {' | '.join(f'difference in {name}' for name in SCORES.values())} |", "|---|---|---|"]
    by_score = [
        {row["n"]: row["difference"] for row in comparisons[score][opponent] if row["arm"] == arm} for score in SCORES
    ]
    for n in sorted(by_score[0]):
        lines.append(f"| {n} | {' | '.join(_verdict(*differences[n]) for differences in by_score)} |")
    return lines


def _verdict(mean: float, low: float, high: float) -> str:
    said = "better" if low > 0 else "worse" if high < 0 else "not told apart"
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f}): {said}"
