"""Commands that only show something: doctor, list and info."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_list(tiny: Path, run: Run) -> None:
    outcome = run("list")
    (line,) = [line for line in outcome.out.splitlines() if "tiny_dcgan" in line]
    for cell in ("DCGAN", "synthesis", "noise", "2-D", "8 x 8", "demo, FID 250 (n=16)"):
        assert cell in line
    entries = json.loads(run("list", "--json", "--task", "synthesis").out)
    (entry,) = [entry for entry in entries if entry["name"] == "tiny_dcgan"]
    assert entry["path"] == str(tiny)
    assert entry["image_size"] == [8, 8]


def test_list_keeps_names_whole_on_a_narrow_screen(tiny: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a_bundle_with_a_long_name"
    tiny.rename(tiny.with_name(name))
    monkeypatch.setenv("COLUMNS", "60")
    assert name in run("list").out.split()


@pytest.mark.usefixtures("tiny")
def test_list_without_a_match(run: Run) -> None:
    outcome = run("list", "--task", "painting")
    assert (outcome.code, outcome.out) == (0, "")
    assert "'painting'" in outcome.err
    assert json.loads(run("list", "--task", "painting", "--json").out) == []


@pytest.mark.usefixtures("tiny")
def test_info(run: Run) -> None:
    shown = run("info", "tiny_dcgan").out
    for text in ("tiny_dcgan 0.1.0", "minimum 0, maximum 255", "FID", "Not trained: of no use.", "For tests only."):
        assert text in shown
    facts = json.loads(run("info", "tiny_dcgan", "--json").out)
    assert facts["metadata"]["monai_gan"]["variant"] == "DCGAN"
    assert "For tests only." in facts["model_card"]
    assert run("info", "tiny").code == 2


@pytest.mark.usefixtures("tiny")
def test_doctor(run: Run) -> None:
    shown = run("doctor").out
    for text in ("torch", "device auto", "operation interpolate", "bundle tiny_dcgan", "cache folder"):
        assert text in shown
    assert json.loads(run("doctor", "--json").out)["problems"] == []


def test_configurations_without_weights_are_listed_on_demand(tiny: Path, run: Run) -> None:
    path = tiny / "configs" / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["monai_gan"]["quality"] = "untrained"
    path.write_text(json.dumps(metadata))
    (tiny / "models" / "model.pt").unlink()
    assert "tiny_dcgan" not in run("list").out
    (entry,) = [one for one in json.loads(run("list", "--all", "--json").out) if one["name"] == "tiny_dcgan"]
    assert entry["quality"] == "untrained"
    assert "train it with: monai-gan train tiny_dcgan" in " ".join(run("info", "tiny_dcgan").out.split())
    outcome = run("synthesize", "tiny_dcgan", "-o", str(tiny.parent / "out"))
    assert outcome.code == 10
    assert "configuration only, without weights" in outcome.err
    assert "monai-gan train tiny_dcgan -o runs/tiny_dcgan" in outcome.err
