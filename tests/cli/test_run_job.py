from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monai_gan.apps import runner

Run = Callable[..., Any]


def events_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def request_(tiny: Path, tmp_path: Path) -> dict[str, Any]:
    return {"task": "synthesis", "bundle": str(tiny), "n": 2, "output": str(tmp_path / "out"), "device": "cpu"}


@pytest.fixture(autouse=True)
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give the command a stdin; an empty one unless a test writes to it."""

    def use(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    use("")
    return use


@pytest.mark.parametrize("indent", [None, 2], ids=["one-line", "many-lines"])
def test_request_on_stdin(indent: int | None, request_: dict[str, Any], stdin: Callable[..., None], run: Run) -> None:
    stdin(json.dumps(request_, indent=indent))
    outcome = run("run", "--request", "-")
    assert outcome.code == 0, outcome.err
    events = events_of(outcome.out)
    assert events[0] == {"event": "state", "state": "starting"}
    assert events[-1] == {"event": "state", "state": "done"}
    assert all(Path(file).is_file() for file in events[-2]["files"])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param(None, "cannot be read (No such file or directory)", id="missing"),
        pytest.param("{broken", "is not valid JSON", id="broken"),
        pytest.param("[]", "The request is a list", id="list"),
        pytest.param(
            '{"task": "synthesis", "bundle": "b", "output": "o", "sed": 1}', "did you mean 'seed'", id="field"
        ),
    ],
)
def test_bad_request_files(content: str | None, text: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    if content is not None:
        file.write_text(content)
    outcome = run("run", "--request", file)
    assert outcome.code == 2
    events = events_of(outcome.out)
    assert [event["event"] for event in events] == ["state", "error", "state"]
    assert events[1]["code"] == 2
    assert text in events[1]["text"]
    assert events[-1]["state"] == "failed"


def test_an_empty_stdin_is_an_error(run: Run) -> None:
    outcome = run("run", "--request", "-")
    assert outcome.code == 2
    assert "not valid JSON: it is empty" in events_of(outcome.out)[1]["text"]


def test_prints_of_libraries_go_to_stderr(
    request_: dict[str, Any], stdin: Callable[..., None], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noisy(*_: Any) -> dict[str, Any]:
        sys.stdout.write("hello from a library\n")
        return {"event": "result"}

    monkeypatch.setitem(runner._TASKS, "synthesis", noisy)
    stdin(json.dumps(request_))
    outcome = run("run", "--request", "-")
    assert [event["event"] for event in events_of(outcome.out)] == ["state", "result", "state"]
    assert "hello from a library" in outcome.err


def test_cancel_by_a_line_on_stdin_in_a_real_process(request_: dict[str, Any], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "monai_gan", "run", "--request", "-"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # So many that the job cannot be over before the line arrives.
        process.stdin.write(json.dumps({**request_, "n": 200_000}) + "\n")
        events = []
        for line in process.stdout:
            events.append(json.loads(line))
            if events[-1].get("phase") == "sampling":
                process.stdin.write("cancel\n")
                break
        events += events_of(process.stdout.read())
        assert process.wait(60) == 40
    assert events[0]["state"] == "starting"
    assert events[-1]["state"] == "cancelled"
    assert not (tmp_path / "out").exists()
