"""`monai-gan run`: one job from a JSON document, told in JSON lines."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from monai_gan.cli.interrupt import cancel_on_interrupt
from monai_gan.errors import InputError


def run(
    request: Annotated[str, typer.Option("--request", help="File with the request as JSON; - reads it from stdin.")],
) -> None:
    """Do one job described by a JSON document; for programs that start this one.

    Each line on stdout is one JSON object: state, progress, message, warning, error or result. A line "cancel" on
    stdin, or the file that the request names as cancel_file, stops the job. The exit code tells the outcome.

    Example: monai-gan run --request request.json
    """
    from monai_gan.apps.runner import run_request

    words = _Words(sys.stdin)
    with _only_events_on_stdout() as events, cancel_on_interrupt() as interrupted:

        def emit(event: dict[str, Any]) -> None:
            try:
                events.write(json.dumps(event, allow_nan=False) + "\n")
                events.flush()
            except OSError:  # nobody listens any more, so nobody wants the result
                words.cancelled.set()

        try:
            document = words.read_request() if request == "-" else _read_file(Path(request))
        except InputError as error:
            emit({"event": "state", "state": "starting"})
            emit({"event": "error", "code": error.exit_code, "text": str(error), "hint": error.hint})
            emit({"event": "state", "state": "failed"})
            raise typer.Exit(error.exit_code) from error
        words.watch()
        code = run_request(document, emit, lambda: interrupted() or words.cancelled.is_set())
    raise typer.Exit(code)


def _read_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The request '{path}' cannot be read ({error.strerror}): give a JSON file.") from error
    except ValueError as error:
        raise InputError(f"The request '{path}' is not valid JSON: {error}.") from error


class _Words:
    """The lines on stdin: first the request when it comes that way, then perhaps "cancel"."""

    def __init__(self, stream: TextIO | None) -> None:
        self.cancelled = threading.Event()
        self._terminal = stream is not None and stream.isatty()
        self._lines = _lines(stream)

    def read_request(self) -> Any:
        """Read lines until they form a JSON document, so that the stream can stay open for a cancel."""
        text, problem = "", "it is empty"
        for line in self._lines:
            text += line
            try:
                return json.loads(text)
            except ValueError as error:
                problem = str(error)
        raise InputError(f"The request on stdin is not valid JSON: {problem}.")

    def watch(self) -> None:
        """Look for "cancel" in the background, for the rest of the process."""
        if self._terminal:  # a person has Ctrl-C, and reading would stop a job that a shell put into the background
            return

        def look() -> None:
            for line in self._lines:
                if line.strip().lower() == "cancel":
                    self.cancelled.set()
                    return

        threading.Thread(target=look, name="stdin", daemon=True).start()


def _lines(stream: TextIO | None) -> Iterator[str]:
    if stream is None:  # a program without a console may have no stdin
        return
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # not a real file, as under a test runner
        yield from stream
        return
    # Below Python's buffers: a thread that waits in them keeps a lock that stops the interpreter from ending.
    pending = b""
    while True:
        try:
            block = os.read(descriptor, 65536)
        except OSError:
            return
        if not block:
            break
        *whole, pending = (pending + block).split(b"\n")
        yield from (line.decode("utf-8", "replace") + "\n" for line in whole)
    if pending:
        yield pending.decode("utf-8", "replace")


@contextmanager
def _only_events_on_stdout() -> Iterator[TextIO]:
    """Give a stream for the events, and send whatever else is printed, from C libraries too, to stderr.

    Returns:
        The stream that leads to the process's stdout.
    """
    python_stdout = sys.stdout
    try:
        inner, error = python_stdout.fileno(), sys.stderr.fileno()
    except (OSError, ValueError):  # stdout is not a real file, as under a test runner
        sys.stdout = sys.stderr
        try:
            yield python_stdout
        finally:
            sys.stdout = python_stdout
        return
    python_stdout.flush()
    saved = os.dup(inner)
    os.dup2(error, inner)
    sys.stdout = sys.stderr
    events = os.fdopen(os.dup(saved), "w", encoding="utf-8")
    try:
        yield events
    finally:
        with suppress(OSError):
            events.close()
        sys.stdout = python_stdout
        os.dup2(saved, inner)
        os.close(saved)
