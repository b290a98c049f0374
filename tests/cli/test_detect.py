from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_detection_bundle import build_detection_bundle

Run = Callable[..., Any]


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MONAI_GAN_BUNDLES", str(tmp_path / "bundles"))
    return build_detection_bundle(tmp_path / "bundles").name


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.png" for name in ("dark", "bright")]
    for path, level in zip(paths, (60, 190), strict=True):
        Image.fromarray(np.linspace(0, level, 256).reshape(16, 16).astype(np.uint8)).save(path)
    return paths


def test_each_score_comes_with_its_meaning(bundle: str, pictures: list[Path], run: Run, tmp_path: Path) -> None:
    outcome = run("detect", bundle, *pictures, "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    dark, bright, where = outcome.out.splitlines()
    assert dark.startswith("dark: score 0.59")
    assert "within the normal range" in dark
    assert "above the threshold for a false-positive rate of 0.1" in bright
    assert where == f"{tmp_path / 'out' / 'scores.json'} (not for diagnosis)"


def test_json_holds_everything(bundle: str, pictures: list[Path], run: Run, tmp_path: Path) -> None:
    outcome = run("detect", bundle, *pictures, "-o", tmp_path / "out", "--rate", "0.3", "--json")
    found = json.loads(outcome.out)
    assert [image["name"] for image in found["images"]] == ["dark", "bright"]
    assert found["images"][0]["report"]["false_positive_rate"] == 0.3
    assert len(found["files"]) == 6


def test_errors_are_one_sentence(bundle: str, pictures: list[Path], run: Run, tmp_path: Path) -> None:
    for words, text in (
        (["detect", bundle, tmp_path / "none.png", "-o", tmp_path / "out"], "does not exist"),
        (["detect", bundle, pictures[0], "-o", tmp_path / "out", "--rate", "0.01"], "cannot be promised by 9 patients"),
        (["translate", bundle, pictures[0], "-o", tmp_path / "out"], "is for 'anomaly_detection'"),
    ):
        outcome = run(*words)
        assert outcome.code == 2
        assert text in outcome.err
        assert len(outcome.err.splitlines()) == 1
        assert not (tmp_path / "out").exists()
