from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_bundle import IMAGE_SIZE
from tiny_extractor import tiny_extractor
from tiny_images import write_tiny_images

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monai_gan.metrics.load_extractor", tiny_extractor)


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    """Real images of two halves, and synthetic ones."""
    folder = tmp_path / "sets"
    real = write_tiny_images(folder / "real.npz", n=40, size=IMAGE_SIZE, split=None)
    return real, write_tiny_images(folder / "synthetic.npz", n=30, size=IMAGE_SIZE, seed=1, split=None)


def test_folders(run: Run, sets: tuple[Path, Path], tmp_path: Path) -> None:
    real, synthetic = sets
    outcome = run("evaluate", "--real", real, "--synthetic", synthetic, "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert outcome.out.splitlines()[:-1] == report["verdict"]["sentences"]
    assert outcome.out.splitlines()[-1].startswith(f"Open {tmp_path / 'out' / 'report.html'} in a browser")
    assert outcome.err.splitlines() == [f"Note: {text}" for text in report["warnings"]]


def test_a_bundle_and_json(tiny: Path, run: Run, sets: tuple[Path, Path], tmp_path: Path) -> None:
    outcome = run("evaluate", tiny, "--real", sets[0], "-n", 12, "-o", tmp_path / "out", "--json")
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    assert report["n"] == 12
    assert report["inputs"]["synthetic"]["bundle"] == "tiny_dcgan"
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        pytest.param([], "give one of them (neither was given)", id="nothing"),
        pytest.param(["a", "--synthetic", "b"], "give one of them (both was given)", id="both"),
        pytest.param(["--synthetic", "nowhere"], "There are no real images", id="no-real"),
        pytest.param(["--synthetic", "nowhere", "--real", "REAL"], "'nowhere' is neither a file nor", id="missing"),
        pytest.param(["--synthetic", "REAL", "--real", "REAL", "-n", "90"], "n=90 images per row", id="too-many"),
        pytest.param(["--synthetic", "REAL", "--real", "REAL", "--device", "cuda:99"], "cuda:99", id="device"),
    ],
)
def test_bad_input(words: list[str], text: str, run: Run, sets: tuple[Path, Path], tmp_path: Path) -> None:
    outcome = run("evaluate", *(str(sets[0]) if word == "REAL" else word for word in words), "-o", tmp_path / "out")
    assert outcome.code == 2
    assert text in outcome.err.replace("\n", " ")
    assert outcome.out == ""
    assert not (tmp_path / "out").exists()
