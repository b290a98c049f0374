"""One job at a time, and what the page is told of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import stand_in_runner

from monai_gan.errors import InputError
from monai_gan.viewer.runs import Runs

COMMAND = (sys.executable, str(Path(stand_in_runner.__file__)))


@pytest.fixture
def told() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def runs(told: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.setenv("MONAI_GAN_CACHE", str(tmp_path))
    made = Runs(None, lambda: told.append(dict(made.status())), command=COMMAND)
    return made


def nothing(result: dict[str, Any]) -> None:
    """Take over nothing."""


def test_the_page_follows_a_job_to_its_end(runs: Runs, told: list[dict[str, Any]]) -> None:
    assert runs.status()["state"] == "idle"
    taken: list[dict[str, Any]] = []
    runs.start(lambda folder: {"act": "done"}, taken.append)
    assert runs.active
    assert runs.status()["percent"] is None
    assert "Starting" in runs.status()["text"]
    assert runs.job is not None
    runs.job.wait(30, 0.02)
    assert not runs.active
    assert [line["state"] for line in told if line["state"] != "running"] == ["starting", "importing", "done"]
    assert runs.status()["warnings"] == ["Unusual."]
    assert runs.status()["percent"] == 50
    assert len(taken) == 1


def test_progress_is_one_line(runs: Runs) -> None:
    runs.start(lambda folder: {"act": "polite"}, nothing)
    assert runs.job is not None
    while runs.job.progress is None:
        runs.job.poll()
    assert runs.status()["text"] == "sampling · 1 of 2 · 3 s left"
    with pytest.raises(InputError, match="A job is running"):
        runs.start(lambda folder: {"act": "done"}, nothing)
    runs.cancel()
    assert runs.status()["cancelling"]
    assert runs.status()["text"] == "Cancelling"
    runs.job.wait(30, 0.02)
    assert runs.status()["state"] == "cancelled"
    assert "nothing was changed" in runs.status()["text"]


def test_a_failure_is_told_with_its_remedy_and_another_job_can_start(runs: Runs) -> None:
    runs.start(lambda folder: {"act": "error", "code": 10}, nothing)
    assert runs.job is not None
    runs.job.wait(30, 0.02)
    status = runs.status()
    assert (status["state"], status["error"], status["hint"]) == (
        "failed",
        "The thing is wrong: mend it.",
        "Look there.",
    )
    assert "a line of a library" in status["log"]
    runs.start(lambda folder: {"act": "done"}, nothing)
    runs.job.wait(30, 0.02)
    assert runs.status()["state"] == "done"
    assert runs.status()["error"] == ""


def test_the_end_of_the_viewer_ends_the_job(runs: Runs) -> None:
    runs.cancel()  # none runs
    runs.abandon()
    runs.start(lambda folder: {"act": "deaf"}, nothing)
    runs.abandon()
    assert runs.status()["state"] == "cancelled"
