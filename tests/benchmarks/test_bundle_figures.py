"""What is written into metadata and cards follows from the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from jsonschema import Draft201909Validator

from benchmarks.bundle_figures import EXPLANATIONS, as_metrics, cell, summary, table
from benchmarks.cards import BEGIN, END, write_card
from monai_gan.apps.evaluation_sets import LINEAR, MODEL, EvaluationSets
from monai_gan.bundle.rules.content import EXTRA_SCHEMA
from monai_gan.data import IntensityScale
from monai_gan.metrics import FLOOR, Evaluation, Figure, FigureInfo

EXTRACTOR = "efficientnet_lite0"
KID = f"kid_{EXTRACTOR}"


def row(kid: float) -> dict[str, Figure]:
    return {
        KID: Figure(kid, sd=0.004),
        f"precision_{EXTRACTOR}": Figure(0.6),
        f"recall_{EXTRACTOR}": Figure(0.1),
        "memorisation_pixels": Figure(0.51, interval=(0.4, 0.6), chance=(0.45, 0.55)),
    }


@pytest.fixture
def evaluation() -> Evaluation:
    infos = {KID: FigureInfo("KID", "lower", headline=True), "memorisation_pixels": FigureInfo("pixels", "half")}
    extractor: dict[str, Any] = {"name": EXTRACTOR, "sha256": "a" * 64, "image_size": [224, 224]}
    settings = {"k": 5, "subsets": 100, "subset_size": 250, "seed": 2024}
    rows = {FLOOR: row(0.0), MODEL: row(0.1), LINEAR: row(0.3)}
    return Evaluation(rows, infos, 500, {"statistics_sha256": "b" * 64}, extractor, settings, [])


def test_metrics_keep_the_schema_and_mark_one_headline(evaluation: Evaluation) -> None:
    metrics = as_metrics(evaluation.rows, evaluation, "mednist64/CXR")
    schema = json.loads(EXTRA_SCHEMA.read_text(encoding="utf-8"))
    Draft201909Validator({"$defs": schema["$defs"], **schema["properties"]["metrics"]}).validate(metrics)
    assert [metric["name"] for metric in metrics if metric["mark"]] == [KID]
    first = metrics[0]
    assert (first["value"], first["floor"], first["baseline"], first["sd"]) == (0.1, 0.0, {LINEAR: 0.3}, 0.004)
    assert (first["n"], first["split"], first["extractor"]) == (500, "test", EXTRACTOR)
    assert {metric["data"] for metric in metrics} == {"mednist64 CXR"}
    assert metrics[-1]["extractor"] is None
    assert metrics[-1]["chance"] == [0.45, 0.55]


def test_the_table_has_the_model_first_and_real_images_last(evaluation: Evaluation) -> None:
    lines = table(evaluation.rows, evaluation).splitlines()
    assert lines[0].endswith(f"| {MODEL} | {LINEAR} | {FLOOR} |")
    assert lines[2] == f"| {EXPLANATIONS['kid']} | 0.100 ± 0.004 | 0.300 ± 0.004 | 0.000 ± 0.004 |"
    assert len(lines) == 2 + len(row(0))
    assert cell(Figure(0.51, chance=(0.45, 0.55))) == "0.510 (chance 0.45 to 0.55)"


def test_the_card_says_what_the_figures_mean(evaluation: Evaluation, tmp_path: Path) -> None:
    images = torch.zeros(2, 1, 4, 4)
    inputs = {"baselines": {"images": 4000}}
    sets = EvaluationSets({}, images, images, None, IntensityScale(0, 255), inputs, [])
    text = summary(evaluation, sets)
    assert text.startswith("The model beats the linear model")
    assert "k = 5; KID over 100 subsets of 250" in text
    card = tmp_path / "docs" / "README.md"
    card.parent.mkdir()
    card.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    write_card(tmp_path, text)
    assert card.read_text() == f"before\n{BEGIN}\n{text}\n{END}\nafter\n"
