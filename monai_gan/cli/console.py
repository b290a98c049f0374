"""Everything that the commands write: tables and JSON on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from monai_gan.apps.jobs import Progress, ProgressCallback

if TYPE_CHECKING:
    from rich.console import Console


def out() -> Console:
    """The console of results."""
    from rich.console import Console

    return Console()


def err() -> Console:
    """The console of everything that is not a result."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Write one JSON document and nothing else to stdout."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False, default=str) + "\n")


def print_line(text: str) -> None:
    """Write one line to stdout as it is, never wrapped, so that a path can be copied."""
    sys.stdout.write(text + "\n")


def report_error(error: BaseException, *, debug: bool) -> int:
    """Write an error as one sentence, with a hint when there is one.

    Args:
        error: what was raised.
        debug: write the traceback first.

    Returns:
        The exit code.
    """
    from rich.text import Text

    from monai_gan.apps.runner import describe_error

    code, sentence, hint = describe_error(error)
    if debug:
        import traceback

        sys.stderr.write("".join(traceback.format_exception(error)))
    console = err()
    console.print(Text(sentence, style="bold red"), soft_wrap=True)
    if hint:
        console.print(Text(hint), soft_wrap=True)
    return code


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Write this package's own warnings to stderr as one line each."""
    from rich.text import Text

    from monai_gan.apps.notices import own_warnings

    console = err()
    with own_warnings(lambda text: console.print(Text(f"Warning: {text}", style="yellow"), soft_wrap=True)):
        yield


@contextmanager
def progress_bar(title: str) -> Iterator[ProgressCallback]:
    """Show a bar on stderr while a job runs; silent when stderr is not a terminal.

    Args:
        title: what is being done.

    Returns:
        The callable to give to the job as ``progress``.
    """
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[note]}"))
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=1.0, note="")

        def show(progress: Progress) -> None:
            left = "" if progress.seconds_left is None else f", {progress.seconds_left:.0f} s left"
            bar.update(task, completed=progress.fraction, note=f"{progress.message or progress.phase}{left}")

        yield show


def progress_lines() -> ProgressCallback:
    """Give a callback that writes each new message to stderr, for jobs that are few long steps."""
    console = err()
    last = ""

    def show(progress: Progress) -> None:
        nonlocal last
        if progress.message and progress.message != last:
            last = progress.message
            console.print(f"[{progress.fraction:4.0%}] {last}", markup=False, soft_wrap=True)

    return show
