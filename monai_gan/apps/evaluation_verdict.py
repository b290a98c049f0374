"""What the figures of an evaluation say, in sentences: for the report and for a model card."""

from __future__ import annotations

import math
from typing import Any, Literal

from monai_gan.apps.evaluation_sets import LINEAR, MODEL
from monai_gan.metrics import FLOOR, Evaluation, Figure

Outcome = Literal["better", "not distinguishable", "worse", "too few images"]

#: Standard deviations that two figures must lie apart to be told apart.
APART = 2.0
#: Share of the recall of real images below which much of their variety is called missing.
MUCH_MISSING = 0.5


def against_linear_model(evaluation: Evaluation) -> Outcome:
    """How the model's headline figure stands to that of the PCA Gaussian, in view of the spread over subsets.

    Where even the PCA Gaussian cannot be told from real images, there are too few of them to say anything.
    """
    name = headline(evaluation)
    model, linear, floor = (evaluation.rows[row][name] for row in (MODEL, LINEAR, FLOOR))
    if not _apart(linear, floor):
        return "too few images"
    if not _apart(model, linear):
        return "not distinguishable"
    return "better" if model.value < linear.value else "worse"


def headline(evaluation: Evaluation) -> str:
    """Name of the figure to judge by."""
    return next(name for name, info in evaluation.figures.items() if info.headline)


def verdict(evaluation: Evaluation) -> dict[str, Any]:
    """The outcome in plain JSON types.

    Returns:
        ``against_pca_gaussian``, the outcome of the comparison with the linear model, and ``sentences``, the most
        important one first.
    """
    outcome = against_linear_model(evaluation)
    sentences = [_linear(evaluation, outcome), _floor(evaluation), _variety(evaluation), *_originality(evaluation)]
    return {"against_pca_gaussian": outcome, "sentences": sentences}


def _apart(one: Figure, other: Figure) -> bool:
    """Whether two figures differ by more than their spread explains."""
    return abs(one.value - other.value) > APART * math.hypot(one.sd or 0.0, other.sd or 0.0)


def number(figure: Figure) -> str:
    """A figure as text, with its spread where it has one."""
    return f"{figure.value:.4f}" if figure.sd is None else f"{figure.value:.4f} ± {figure.sd:.4f}"


def _linear(evaluation: Evaluation, outcome: Outcome) -> str:
    name = headline(evaluation)
    label = evaluation.figures[name].label
    figures = (
        f"its {label} is {number(evaluation.rows[MODEL][name])}, that of the PCA Gaussian "
        f"{number(evaluation.rows[LINEAR][name])} (lower is better)"
    )
    if outcome == "better":
        return f"The model beats the linear model of eigen-images: {figures}."
    if outcome == "too few images":
        return (
            f"Nothing can be said of the model: by {label} even the linear model of eigen-images cannot be told from "
            f"real images with n = {evaluation.n}; {figures}. Give more images."
        )
    if outcome == "worse":
        return f"The model has learned little: it is worse than the linear model of eigen-images; {figures}."
    return f"The model has learned little: it cannot be told from the linear model of eigen-images; {figures}."


def _floor(evaluation: Evaluation) -> str:
    name = headline(evaluation)
    label = evaluation.figures[name].label
    model, floor = evaluation.rows[MODEL][name], evaluation.rows[FLOOR][name]
    gap = model.value - floor.value
    if gap < 0 or not _apart(model, floor):
        return f"By {label} it cannot be told from real images, which have {number(floor)} among themselves."
    linear = evaluation.rows[LINEAR][name].value - floor.value
    rest = f"; it is {gap / linear:.0%} as far from them as the PCA Gaussian" if linear > gap else ""
    return f"It does not equal real images, which have a {label} of {number(floor)} among themselves{rest}."


def _variety(evaluation: Evaluation) -> str:
    extractor = evaluation.extractor["name"]
    precision, recall = (evaluation.rows[MODEL][f"{kind}_{extractor}"].value for kind in ("precision", "recall"))
    real_precision, real_recall = (
        evaluation.rows[FLOOR][f"{kind}_{extractor}"].value for kind in ("precision", "recall")
    )
    sentence = (
        f"{precision:.0%} of its samples lie where real images lie (real images: {real_precision:.0%}), and it reaches "
        f"{recall:.0%} of the real images (real images: {real_recall:.0%})"
    )
    if recall < MUCH_MISSING * real_recall:
        return f"{sentence}: much of their variety is missing."
    return f"{sentence}."


def _originality(evaluation: Evaluation) -> list[str]:
    sentences = []
    for name, place in (
        (f"memorisation_{evaluation.extractor['name']}", "in features"),
        ("memorisation_pixels", "in pixels"),
    ):
        figure = evaluation.rows[MODEL].get(name)
        if figure is None:
            continue
        share = f"{figure.value:.0%} of the samples are nearer to a training image than to a held-out one {place}"
        if figure.chance is None:
            sentences.append(f"{share} (50% is expected).")
        elif figure.value > figure.chance[1]:
            sentences.append(
                f"{share}, more than chance explains ({figure.chance[0]:.0%} to {figure.chance[1]:.0%}): look at the "
                "nearest training images before sharing samples."
            )
        else:
            sentences.append(
                f"{share}, which chance explains ({figure.chance[0]:.0%} to {figure.chance[1]:.0%}): no sign of "
                "repeated training images."
            )
    return sentences
