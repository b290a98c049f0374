"""What is said of a model follows from its figures."""

from __future__ import annotations

from typing import Any

import pytest

from monai_gan.apps.evaluation_sets import LINEAR, MODEL
from monai_gan.apps.evaluation_verdict import against_linear_model, verdict
from monai_gan.metrics import FLOOR, Evaluation, Figure, FigureInfo

KID, PRECISION, RECALL, MEMORISATION = "kid_tiny", "precision_tiny", "recall_tiny", "memorisation_pixels"


def evaluation(
    model: float, linear: float, *, sd: float = 0.01, recall: float = 0.7, memorised: float | None = None
) -> Evaluation:
    def row(kid: float, recall: float) -> dict[str, Figure]:
        return {KID: Figure(kid, sd=sd), PRECISION: Figure(0.5), RECALL: Figure(recall)}

    rows = {FLOOR: row(0.0, 0.8), MODEL: row(model, recall), LINEAR: row(linear, 0.1)}
    if memorised is not None:
        rows[MODEL][MEMORISATION] = Figure(memorised, chance=(0.45, 0.55))
    infos = {KID: FigureInfo("KID", "lower", headline=True), PRECISION: FigureInfo("precision", "higher")}
    extractor: dict[str, Any] = {"name": "tiny"}
    return Evaluation(rows, infos, 100, {}, extractor, {}, [])


@pytest.mark.parametrize(
    ("model", "linear", "outcome", "words"),
    [
        pytest.param(0.10, 0.30, "better", "beats the linear model", id="better"),
        pytest.param(0.29, 0.30, "not distinguishable", "has learned little: it cannot be told", id="tie"),
        pytest.param(0.40, 0.30, "worse", "has learned little: it is worse", id="worse"),
        pytest.param(0.01, 0.02, "too few images", "Nothing can be said", id="blunt"),
    ],
)
def test_the_linear_model_is_the_opponent(model: float, linear: float, outcome: str, words: str) -> None:
    found = evaluation(model, linear)
    assert against_linear_model(found) == outcome
    first = verdict(found)["sentences"][0]
    assert words in first
    assert f"{model:.4f} ± 0.0100" in first
    assert f"{linear:.4f} ± 0.0100" in first


def test_the_way_to_real_images_is_told() -> None:
    assert "it is 25% as far from them as the PCA Gaussian" in verdict(evaluation(0.1, 0.4))["sentences"][1]
    assert "cannot be told from real images" in verdict(evaluation(0.02, 0.4))["sentences"][1]


@pytest.mark.parametrize(("recall", "missing"), [(0.39, True), (0.41, False)])
def test_missing_variety_is_called_missing(recall: float, missing: bool) -> None:
    sentence = verdict(evaluation(0.1, 0.4, recall=recall))["sentences"][2]
    assert f"{recall:.0%} of the real images (real images: 80%)" in sentence
    assert ("variety is missing" in sentence) == missing


@pytest.mark.parametrize(
    ("share", "words"),
    [pytest.param(0.6, "more than chance explains", id="copies"), pytest.param(0.5, "no sign of", id="none")],
)
def test_memorisation_is_measured_by_chance(share: float, words: str) -> None:
    sentences = verdict(evaluation(0.1, 0.4, memorised=share))["sentences"]
    assert len(sentences) == 4
    assert words in sentences[3]
    assert "45% to 55%" in sentences[3]
