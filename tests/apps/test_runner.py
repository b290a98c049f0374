from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_extractor import tiny_extractor
from tiny_images import write_tiny_images

from monai_gan.apps import runner
from monai_gan.apps.jobs import Progress, check_cancel
from monai_gan.apps.runner import describe_error, run_request
from monai_gan.errors import Cancelled, InputError, WeightsError

Events = list[dict[str, Any]]


def kinds(events: Events) -> list[str]:
    """Names of the events in order, a run of progress as one."""
    names = [event["state"] if event["event"] == "state" else event["event"] for event in events]
    return [name for i, name in enumerate(names) if name != "progress" or names[i - 1] != "progress"]


@pytest.fixture
def request_(tiny: Path, tmp_path: Path) -> dict[str, Any]:
    return {"task": "synthesis", "bundle": str(tiny), "n": 5, "output": str(tmp_path / "out"), "device": "cpu"}


def test_a_good_job(request_: dict[str, Any], tmp_path: Path) -> None:
    events: Events = []
    assert run_request(request_, events.append) == 0
    assert kinds(events) == ["starting", "running", "message", "progress", "result", "done"]
    assert json.loads(json.dumps(events, allow_nan=False)) == events
    progress = [event for event in events if event["event"] == "progress"]
    assert [event["fraction"] for event in progress] == sorted(event["fraction"] for event in progress)
    assert progress[-1]["fraction"] == 1
    assert set(progress[0]) == {"event", "fraction", "phase", "message", "seconds_left"}
    result = events[-2]
    assert [Path(file).parent for file in result["files"]] == [tmp_path / "out"] * 5
    assert all(Path(file).is_file() for file in result["files"])
    assert result["bundle"]["name"] == "tiny_dcgan"
    assert result["request"]["seed"] == 0
    again: Events = []
    assert run_request(result["request"], again.append) == 0
    assert again[-2]["files"] == result["files"]


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        pytest.param({"n": 0}, 2, "'n' is wrong", id="invalid"),
        pytest.param({"bundle": "tiny_dcgn"}, 2, "did you mean 'tiny_dcgan'", id="unknown-bundle"),
        pytest.param({"format": "jpg"}, 2, "jpg", id="refused"),
        pytest.param({"device": "cuda:99"}, 2, "cuda:99", id="absent-device"),
    ],
)
def test_a_bad_request(change: dict[str, Any], code: int, text: str, request_: dict[str, Any], tmp_path: Path) -> None:
    events: Events = []
    assert run_request({**request_, **change}, events.append) == code
    assert kinds(events)[-2:] == ["error", "failed"]
    error = events[-2]
    assert error["code"] == code
    assert text in error["text"]
    assert not (tmp_path / "out").exists()


def test_tampered_weights(tiny: Path, request_: dict[str, Any]) -> None:
    (tiny / "models" / "model.pt").write_bytes(b"not weights")
    events: Events = []
    assert run_request(request_, events.append) == 10
    assert events[-2]["code"] == 10


def test_cancel_by_the_callable_and_by_the_file(request_: dict[str, Any], tmp_path: Path) -> None:
    events: Events = []
    assert run_request(request_, events.append, lambda: len(events) > 5) == 40
    assert kinds(events) == ["starting", "running", "message", "progress", "message", "cancelled"]
    assert not (tmp_path / "out").exists()
    cancel_file = tmp_path / "cancel"

    def cancel_after_two(event: dict[str, Any]) -> None:
        events.append(event)
        if event["event"] == "progress" and event["fraction"] > 0.3:
            cancel_file.touch()

    events.clear()
    assert run_request({**request_, "cancel_file": str(cancel_file)}, cancel_after_two) == 40
    assert kinds(events)[-1] == "cancelled"
    assert not (tmp_path / "out").exists()


def test_training_is_handed_over(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def train(
        bundle: Path, output: str, overrides: dict[str, Any], *, progress: Callable[[Progress], None], **rest: Any
    ):
        given.update(bundle=bundle, output=output, overrides=overrides, **rest)
        progress(Progress(0.5, "training", "epoch 1 of 2", 3.0))
        return Path(output) / "trained"

    monkeypatch.setattr(importlib.import_module("monai_gan.apps.train"), "train", train)
    request = {"task": "training", "bundle": "tiny_dcgan", "output": str(tmp_path), "overrides": {"max_epochs": 2}}
    events: Events = []
    assert run_request(request, events.append) == 0
    assert given["bundle"] == tiny
    assert given["overrides"] == {"max_epochs": 2}
    assert given["trust"] is False
    assert events[-2]["files"] == [str(tmp_path / "trained")]
    assert kinds(events) == ["starting", "running", "message", "progress", "result", "done"]


def test_an_evaluation(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monai_gan.metrics.load_extractor", tiny_extractor)
    real = write_tiny_images(tmp_path / "real.npz", n=40, size=8, split=None)
    request = {"task": "evaluation", "bundle": str(tiny), "output": str(tmp_path / "out"), "real": str(real), "n": 10}
    events: Events = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run_request(request, events.append) == 0
    assert events[-2]["files"] == [str(tmp_path / "out" / name) for name in ("report.json", "report.html")]
    assert events[-2]["request"]["memorisation"] is True
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [event["text"] for event in events if event["event"] == "warning"] == report["warnings"]
    assert report["n"] == 10


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Put a function in the place of the synthesis."""

    def use(work: Callable[..., Any]) -> None:
        monkeypatch.setitem(runner._TASKS, "synthesis", work)

    return use


@pytest.mark.parametrize(
    ("error", "code", "hint"),
    [
        pytest.param(RuntimeError("it broke\n  badly"), 1, "--debug", id="unforeseen"),
        pytest.param(MemoryError(), 21, "", id="memory"),
        pytest.param(WeightsError("gone", hint="get it again"), 10, "get it again", id="ours"),
    ],
)
def test_whatever_is_raised_ends_in_failed(
    error: Exception, code: int, hint: str, job: Callable[..., None], request_: dict[str, Any]
) -> None:
    def work(*_: Any) -> None:
        raise error

    job(work)
    events: Events = []
    assert run_request(request_, events.append) == code
    assert kinds(events) == ["starting", "error", "failed"]
    assert "\n" not in events[1]["text"]
    assert hint in events[1]["hint"]


def test_ctrl_c_ends_in_cancelled(job: Callable[..., None], request_: dict[str, Any]) -> None:
    def work(*_: Any) -> None:
        raise KeyboardInterrupt

    job(work)
    events: Events = []
    assert run_request(request_, events.append) == 40
    assert kinds(events) == ["starting", "message", "cancelled"]


def test_own_warnings_become_events_and_others_do_not(job: Callable[..., None], request_: dict[str, Any]) -> None:
    def work(
        checked: dict[str, Any], emit: Callable[[dict[str, Any]], None], cancel: Callable[[], bool]
    ) -> dict[str, Any]:
        check_cancel(cancel)
        module = str(Path(runner.__file__))
        warnings.warn_explicit("smaller batch", RuntimeWarning, module, 1)
        warnings.warn_explicit("old function", UserWarning, "/elsewhere/library.py", 1)
        return {"event": "result"}

    job(work)
    events: Events = []
    with warnings.catch_warnings(record=True) as others:
        warnings.simplefilter("always")
        run_request(request_, events.append)
    assert [event["text"] for event in events if event["event"] == "warning"] == ["smaller batch"]
    assert [str(one.message) for one in others] == ["old function"]


def test_describe_error_names_the_type_of_what_nobody_foresaw() -> None:
    assert describe_error(ZeroDivisionError()) == (
        1,
        "Unexpected ZeroDivisionError.",
        "Run again with --debug for the traceback.",
    )
    assert describe_error(InputError("a", hint="b")) == (2, "a", "b")
    assert describe_error(Cancelled("c")) == (40, "c", "")
