from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import stand_in_runner

from monai_gan.apps import background
from monai_gan.apps.background import BackgroundJob, JobState
from monai_gan.errors import Cancelled, InvalidResultError

COMMAND = [sys.executable, str(Path(stand_in_runner.__file__))]

Make = Callable[..., BackgroundJob]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MONAI_GAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folders() -> list[Path]:
    """The private folders of the jobs of a test."""
    return []


@pytest.fixture
def make(folders: list[Path]) -> Make:
    def make(act: str = "ok", *, finish: Any = None, request: dict[str, Any] | None = None, **more: Any) -> Any:
        def prepare(folder: Path) -> dict[str, Any]:
            folders.append(folder)
            return {"act": act, **(request or {})}

        return BackgroundJob(prepare, finish, command=more.pop("command", COMMAND), **more)

    return make


def until(job: BackgroundJob, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        job.poll()
        time.sleep(0.02)


def test_a_job_goes_through_its_states_and_gives_its_result(make: Make, folders: list[Path]) -> None:
    seen: list[str] = []
    taken: list[str] = []

    def finish(result: dict[str, Any]) -> None:
        taken.append(Path(result["files"][0]).read_text())

    job = make(finish=finish, changed=lambda job: seen.append(job.state.value))
    assert job.state is JobState.IDLE
    job.start()
    assert job.wait(20, 0.02) is JobState.DONE
    assert list(dict.fromkeys(seen)) == ["starting", "running", "importing", "done"]
    assert taken == ["made"]
    assert job.progress is not None
    assert (job.progress.fraction, job.progress.phase, job.progress.seconds_left) == (0.5, "sampling", 3.0)
    assert job.warnings == ["Unusual."]
    assert job.log == ["a line of a library", "Warning: Unusual."]
    assert not folders[0].exists()
    with pytest.raises(RuntimeError, match="is done"):
        job.start()


def test_a_scheduler_drives_the_job_to_its_end(make: Make) -> None:
    waiting: list[Callable[[], None]] = []
    job = make(schedule=lambda seconds, call: waiting.append(call))
    job.start()
    end = time.monotonic() + 20
    while waiting:
        assert time.monotonic() < end
        waiting.pop(0)()
        time.sleep(0.02)
    assert job.state is JobState.DONE


@pytest.mark.parametrize(
    ("act", "code", "text"),
    [
        pytest.param("error", 10, "mend it", id="error-of-the-runner"),
        pytest.param("killed", 21, "ran out of memory", id="killed"),
        pytest.param("crash", 1, "exit code 3", id="crash"),
        pytest.param("silent", 1, "without a result", id="no-result"),
        pytest.param("no-module", 1, "'torch' is not installed", id="package-missing"),
    ],
)
def test_every_fault_ends_the_job_with_a_sentence(
    act: str, code: int, text: str, make: Make, folders: list[Path]
) -> None:
    taken: list[Any] = []
    job = make(act, finish=taken.append, request={"code": 10})
    job.start()
    assert job.wait(20, 0.02) is JobState.FAILED
    assert job.fault is not None
    assert job.fault.code == code
    assert text in job.fault.text
    assert taken == []
    assert not folders[0].exists()
    assert job.log_file is not None
    assert job.fault.text in job.log_file.read_text()


def test_a_fault_while_the_request_is_written(make: Make) -> None:
    def prepare(folder: Path) -> dict[str, Any]:
        raise OSError("no space left on device")

    job = BackgroundJob(prepare, command=COMMAND)
    job.start()
    assert job.state is JobState.FAILED
    assert job.fault is not None
    assert job.fault.text == "The job could not be started: no space left on device."


def test_a_program_that_cannot_be_started(make: Make, folders: list[Path]) -> None:
    job = make(command=["/nonexistent/python"])
    job.start()
    assert job.state is JobState.FAILED
    assert not folders[0].exists()


@pytest.mark.parametrize(
    ("error", "state", "text"),
    [
        pytest.param(ValueError("no such node"), JobState.FAILED, "taken over: no such node.", id="unforeseen"),
        pytest.param(InvalidResultError("Another grid."), JobState.FAILED, "Another grid.", id="own"),
        pytest.param(MemoryError(), JobState.FAILED, "ran out of memory", id="memory"),
        pytest.param(Cancelled("Stopped."), JobState.CANCELLED, "", id="cancelled"),
    ],
)
def test_a_fault_while_the_result_is_taken_over(
    error: Exception, state: JobState, text: str, make: Make, folders: list[Path]
) -> None:
    def finish(_: dict[str, Any]) -> None:
        raise error

    job = make(finish=finish)
    job.start()
    assert job.wait(20, 0.02) is state
    assert text in (job.fault.text if job.fault else "")
    assert not folders[0].exists()


def test_a_fault_of_the_display_does_not_stop_the_job(make: Make) -> None:
    def changed(_: BackgroundJob) -> None:
        raise RuntimeError("the widget is gone")

    job = make(changed=changed)
    job.start()
    assert job.wait(20, 0.02) is JobState.DONE


@pytest.mark.parametrize("act", ["polite", "deaf"])
def test_cancel_ends_soon(act: str, make: Make, folders: list[Path]) -> None:
    taken: list[Any] = []
    job = make(act, finish=taken.append, patience=background.PATIENCE if act == "polite" else 0.2)
    job.start()
    until(job, lambda: job.progress is not None)
    began = time.monotonic()
    job.cancel()
    assert job.cancelling
    job.cancel()  # a second click changes nothing
    assert job.wait(20, 0.02) is JobState.CANCELLED
    assert time.monotonic() - began < 10  # aimed at 3; a loaded machine is slower
    assert (taken, job.fault, job.cancelling) == ([], None, False)
    assert not folders[0].exists()


def test_cancel_kills_what_the_process_has_started(make: Make, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    job = make("family", patience=0.1, request={"pid_file": str(pids)})
    job.start()
    until(job, lambda: pids.exists() and " " in pids.read_text())
    family = [int(pid) for pid in pids.read_text().split()]
    job.cancel()
    assert job.wait(20, 0.02) is JobState.CANCELLED
    end = time.monotonic() + 5
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in family):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_cancel_before_the_start_and_after_the_end(make: Make) -> None:
    early = make()
    early.cancel()
    assert early.state is JobState.CANCELLED
    late = make()
    late.start()
    late.wait(20, 0.02)
    late.cancel()
    assert late.state is JobState.DONE


def test_a_result_that_comes_after_the_cancel_is_not_taken_over(make: Make) -> None:
    taken: list[Any] = []
    job = make(finish=taken.append)
    job.start()
    job.cancel()
    assert job.wait(20, 0.02) is JobState.CANCELLED
    assert taken == []


def test_the_cpu_is_asked_for_by_hiding_the_gpus(make: Make) -> None:
    environments: list[dict[str, str]] = []

    def launch(command: list[str], environment: dict[str, str]) -> Any:
        environments.append(environment)
        return background.launch_process(command, environment)

    for device in ("cpu", "auto"):
        job = make(request={"device": device}, launch=launch)
        job.start()
        job.wait(20, 0.02)
    assert [one.get("CUDA_VISIBLE_DEVICES") for one in environments] == ["-1", None]


def test_old_logs_are_removed(make: Make, cache: Path) -> None:
    (cache / "logs").mkdir(parents=True)
    for number in range(25):
        (cache / "logs" / f"2000{number:02d}.log").write_text("old")
    job = make("crash")
    job.start()
    job.wait(20, 0.02)
    kept = sorted((cache / "logs").glob("*.log"))
    assert len(kept) == 20
    assert job.log_file in kept


def test_the_real_runner(tiny: Path) -> None:
    found: list[int] = []

    def prepare(_: Path) -> dict[str, Any]:
        return {"task": "synthesis", "bundle": str(tiny), "n": 3, "device": "cpu", "format": "nrrd"}

    job = BackgroundJob(prepare, lambda result: found.append(sum(Path(file).is_file() for file in result["files"])))
    job.start()
    assert job.wait(60, 0.05) is JobState.DONE, job.log
    assert found == [3]
    assert job.progress is not None
    assert job.progress.fraction == 1
