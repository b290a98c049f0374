"""The command answers in words or JSON, and fails only where statements contradict each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Run = Callable[..., Any]


@pytest.fixture(params=["png", "nii.gz", "nrrd", "dcm"])
def image(request: pytest.FixtureRequest, tiny: Path, run: Run, tmp_path: Path) -> Path:
    """A sampled image in each format."""
    assert run("synthesize", tiny, "-n", 1, "--seed", 5, "-o", tmp_path / "out", "--format", request.param).code == 0
    return tmp_path / "out" / f"tiny_dcgan_s5_0000.{request.param}"


def test_every_written_format_is_read_back(image: Path, run: Run) -> None:
    outcome = run("provenance", image)
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines()[0] == f"'{image.name}' says that it is synthetic."
    assert "tiny_dcgan" in outcome.out
    report = json.loads(run("provenance", image, "--json").out)
    assert (report["synthetic"], report["consistent"], report["missing"]) == (True, True, [])
    assert (report["provenance"]["bundle"], report["provenance"]["seed"]) == ("tiny_dcgan", 5)
    assert report["provenance"] == json.loads(Path(report["sidecar"]).read_text())


def test_no_mark(run: Run, tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "plain.png")
    outcome = run("provenance", tmp_path / "plain.png")
    assert (outcome.code, outcome.err) == (0, "")
    assert "carries no mark" in outcome.out
    assert json.loads(run("provenance", tmp_path / "plain.png", "--json").out)["synthetic"] is False


def test_disagreement_ends_with_an_error(image: Path, run: Run) -> None:
    sidecar = image.parent / "tiny_dcgan_s5_0000.json"
    sidecar.write_text(sidecar.read_text().replace('"seed": 5', '"seed": 6'))
    outcome = run("provenance", image)
    assert outcome.code == 2
    assert "says that it is synthetic" in outcome.out
    assert "disagree on seed (5 and 6)" in outcome.err
    outcome = run("provenance", image, "--json")
    assert outcome.code == 2
    assert json.loads(outcome.out)["consistent"] is False


def test_missing_file(run: Run, tmp_path: Path) -> None:
    outcome = run("provenance", tmp_path / "absent.dcm")
    assert (outcome.code, outcome.out) == (2, "")
    assert "does not exist" in outcome.err
