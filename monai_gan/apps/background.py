"""One job in a process of its own, watched without blocking: what the desktop and the web run.

Nothing here knows a user interface or a scene. A face gives four things: what writes the request, what takes over the
result, what calls `BackgroundJob.poll` again after a while, and what is told of changes.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from monai_gan.apps.background_faults import JobFault, fault_of_exception, fault_of_exit
from monai_gan.apps.background_log import keep_log
from monai_gan.apps.jobs import Progress
from monai_gan.errors import Cancelled

#: Seconds between two looks at the process.
INTERVAL = 0.15
#: Seconds that the process has to end by itself after a cancel.
PATIENCE = 1.5

Prepare = Callable[[Path], Mapping[str, Any]]
Finish = Callable[[dict[str, Any]], None]
Launch = Callable[[list[str], dict[str, str]], "subprocess.Popen[str]"]
Schedule = Callable[[float, Callable[[], None]], Any]

_logger = logging.getLogger(__name__)


class JobState(str, Enum):
    """Where a `BackgroundJob` is; the last three are final."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


def launch_process(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a program without a console window, its output as one stream of text.

    Args:
        command: program and words.
        environment: variables to add to those of this process.
    """
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    return subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        creationflags=flags,
    )


class BackgroundJob:
    """Run one request with ``monai-gan run`` in another process; always ends as done, failed or cancelled.

    All callables are called from the thread that calls `start`, `poll` and `cancel`; the thread that reads what the
    process prints touches only a queue.

    Args:
        prepare: writes what the job needs into a private folder and gives the request; ``output`` and ``cancel_file``
            are filled in. An exception of it fails the job.
        finish: takes over the event ``result`` while the files are still there; an exception of it fails the job.
        schedule: calls a function after so many seconds, such as a timer of the face. Without one, the owner calls
            `poll` until the state is final.
        changed: told after every change of state, progress, warnings or log.
        launch: starts the process.
        command: words before ``run --request FILE``; default: this Python's ``-m monai_gan``.
        patience: seconds that the process has to end by itself after a cancel, before it and its children are killed.
        clock: monotonic seconds; exchanged by tests.

    Attributes:
        state: a `JobState`.
        progress: the last report, or None.
        warnings: sentences of the run, in order.
        log: lines for people, in order, for "Details".
        fault: what went wrong, once failed.
        result: the event of that name, once there.
        log_file: where the log of a failed job is kept.
    """

    def __init__(
        self,
        prepare: Prepare,
        finish: Finish | None = None,
        *,
        schedule: Schedule | None = None,
        changed: Callable[[BackgroundJob], None] | None = None,
        launch: Launch = launch_process,
        command: Sequence[str] | None = None,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = JobState.IDLE
        self.progress: Progress | None = None
        self.warnings: list[str] = []
        self.log: list[str] = []
        self.fault: JobFault | None = None
        self.result: dict[str, Any] | None = None
        self.log_file: Path | None = None
        self._prepare, self._finish = prepare, finish
        self._schedule, self._changed = schedule, changed
        self._launch, self._patience, self._clock = launch, patience, clock
        self._command = list(command or (sys.executable, "-m", "monai_gan"))
        self._folder: Path | None = None
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._error: dict[str, Any] | None = None
        self._kill_at: float | None = None

    def start(self) -> None:
        """Write the request and start the process; returns at once.

        Raises:
            RuntimeError: the job was started before.
        """
        if self.state is not JobState.IDLE:
            raise RuntimeError(f"This job is {self.state.value}: make a new one for another run.")
        self._set(JobState.STARTING)
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="monai_gan_job_"))
            request = {"output": str(self._folder / "output"), **self._prepare(self._folder)}
            request["cancel_file"] = str(self._folder / "cancel")
            path = self._folder / "request.json"
            path.write_text(json.dumps(request), encoding="utf-8")
            environment = {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}
            if request.get("device") == "cpu":
                environment["CUDA_VISIBLE_DEVICES"] = "-1"
            self._process = self._launch([*self._command, "run", "--request", str(path)], environment)
            self._reader = threading.Thread(target=self._read, name="monai-gan job", daemon=True)
            self._reader.start()
        except Cancelled:
            self._end(JobState.CANCELLED)
        except Exception as error:
            self._fail(fault_of_exception(error, "The job could not be started"))
        else:
            self._again()

    def poll(self) -> JobState:
        """Take in what the process has said, and end the job when the process has ended.

        Returns:
            The state.
        """
        if self.state in (JobState.IDLE, JobState.IMPORTING) or self.state.final:
            return self.state
        assert self._process is not None
        assert self._reader is not None
        ended = self._process.poll() is not None
        if ended:  # what it said last may still be under way; a grandchild could hold the stream open
            self._reader.join(0.5)
        changed = self._drain()
        if ended:
            self._conclude(self._process.returncode)
        elif self._kill_at is not None and self._clock() >= self._kill_at:
            kill_tree(self._process)
        if changed and not self.state.final:
            self._tell()
        self._again()
        return self.state

    def cancel(self) -> None:
        """Ask the process to end, and end it after a while; the job is then cancelled, and no result is taken over."""
        if self.state.final or self.state is JobState.IMPORTING or self._kill_at is not None:
            return
        if self.state is JobState.IDLE:
            self._end(JobState.CANCELLED)
            return
        self._kill_at = self._clock() + self._patience
        self.log.append("Cancelling.")
        try:
            assert self._folder is not None
            (self._folder / "cancel").touch()
        except OSError:  # a full disk must not keep the job alive
            self._kill_at = self._clock()
        self._tell()

    def wait(self, timeout: float = 3600.0, interval: float = INTERVAL) -> JobState:
        """Poll until the job has ended, for scripts and tests.

        Args:
            timeout: seconds after which the job is cancelled.
            interval: seconds between two looks.
        """
        end = time.monotonic() + timeout
        while not self.poll().final:
            if time.monotonic() >= end:
                self.cancel()
            time.sleep(interval)
        return self.state

    @property
    def cancelling(self) -> bool:
        """Whether the job was asked to end and has not ended yet."""
        return self._kill_at is not None and not self.state.final

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while True:
            try:
                line = self._process.stdout.readline()
            except UnicodeDecodeError:  # a launcher of the face may read in another encoding; events are ASCII
                continue
            except (OSError, ValueError):  # the stream was closed under us
                return
            if not line:
                return
            self._lines.put(line)

    def _drain(self) -> bool:
        changed = False
        while True:
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                return changed
            changed = True
            event = _event(line)
            if event is None:
                self.log.append(line.rstrip())
            else:
                self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "state":
            if event.get("state") == "running" and self.state is JobState.STARTING:
                self._set(JobState.RUNNING)
        elif kind == "progress":
            fields = ("fraction", "phase", "message", "seconds_left")
            self.progress = Progress(*(event.get(name) for name in fields))  # type: ignore[arg-type]
        elif kind == "warning":
            self.warnings.append(str(event.get("text", "")))
            self.log.append(f"Warning: {self.warnings[-1]}")
        elif kind == "message":
            self.log.append(str(event.get("text", "")))
        elif kind == "error":
            self._error = event
            self.log.append(f"Error {event.get('code')}: {event.get('text')} {event.get('hint') or ''}".rstrip())
        elif kind == "result":
            self.result = event

    def _conclude(self, code: int) -> None:
        if self._kill_at is not None or code == Cancelled.exit_code:
            self._end(JobState.CANCELLED)
        elif code != 0 or self.result is None:
            self._fail(fault_of_exit(code, self._error, self.log))
        else:
            self._import(self.result)

    def _import(self, result: dict[str, Any]) -> None:
        self._set(JobState.IMPORTING)
        try:
            if self._finish is not None:
                self._finish(result)
        except Cancelled:
            self._end(JobState.CANCELLED)
        except Exception as error:
            self._fail(fault_of_exception(error, "The result could not be taken over"))
        except BaseException:
            self._end(JobState.CANCELLED)
            raise
        else:
            self._end(JobState.DONE)

    def _fail(self, fault: JobFault) -> None:
        self.fault = fault
        self.log.append(f"Failed: {fault.text}")
        self.log_file = keep_log(self.log + ([fault.trace] if fault.trace else []))
        self._end(JobState.FAILED)

    def _end(self, state: JobState) -> None:
        if self._process is not None and self._process.poll() is None:
            kill_tree(self._process)
        if self._process is not None and self._process.stdout is not None:
            if self._reader is not None:
                self._reader.join(0.2)
            if self._reader is None or not self._reader.is_alive():
                self._process.stdout.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._set(state)

    def _set(self, state: JobState) -> None:
        self.state = state
        self._tell()

    def _tell(self) -> None:
        if self._changed is None:
            return
        try:
            self._changed(self)
        except Exception:  # a fault of the display must not leave the job without an end
            _logger.exception("The display of a job failed.")

    def _again(self) -> None:
        if self._schedule is not None and not self.state.final:
            self._schedule(INTERVAL, self._scheduled)

    def _scheduled(self) -> None:
        self.poll()


def kill_tree(process: subprocess.Popen[str]) -> None:
    """End a process and all that it has started, children first, so that none is left without a parent.

    Args:
        process: what to end; it may have ended by itself.
    """
    import psutil

    try:
        root = psutil.Process(process.pid)
        family = [*reversed(root.children(recursive=True)), root]
    except psutil.Error:
        family = []
    for member in family:
        try:
            member.kill()
        except psutil.Error:
            continue
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        _logger.warning("Process %d does not end.", process.pid)


def _event(line: str) -> dict[str, Any] | None:
    """The event that a line holds; None when it is a line of some library."""
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
