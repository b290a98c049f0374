"""One job at a time for the page: start, follow, cancel, and what the page is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from monai_gan.apps.background import BackgroundJob, JobState, Prepare, Schedule
from monai_gan.errors import InputError

#: Lines of the log that the page shows.
_LINES = 60

#: What the page shows before the first job.
IDLE: dict[str, Any] = {
    "state": JobState.IDLE.value,
    "active": False,
    "cancelling": False,
    "percent": None,
    "text": "",
    "error": "",
    "hint": "",
    "warnings": [],
    "log": "",
}


class Runs:
    """Runs jobs one after another.

    Args:
        schedule: calls a function after so many seconds.
        changed: told after every change, also when a job has ended.
        **options: for `monai_gan.apps.BackgroundJob`, such as ``command``.

    Attributes:
        job: the latest; None before the first.
    """

    def __init__(self, schedule: Schedule | None, changed: Callable[[], None], **options: Any) -> None:
        self.job: BackgroundJob | None = None
        self._schedule, self._changed, self._options = schedule, changed, options

    @property
    def active(self) -> bool:
        """Whether a job runs."""
        return self.job is not None and not self.job.state.final

    def start(self, prepare: Prepare, take_over: Callable[[dict[str, Any]], None]) -> None:
        """Start a job and return at once.

        Args:
            prepare: writes the input and gives the request.
            take_over: takes over the result while its files are there.

        Raises:
            InputError: another one runs.
        """
        if self.active:
            raise InputError("A job is running: cancel it or wait for its end.")
        self.job = BackgroundJob(prepare, take_over, schedule=self._schedule, changed=self._report, **self._options)
        self.job.start()

    def cancel(self) -> None:
        """Ask the running job to end; nothing happens where none runs."""
        if self.job is not None:
            self.job.cancel()

    def abandon(self) -> None:
        """Cancel what runs and wait for its end."""
        if self.job is not None and self.active:
            self.job.cancel()
            self.job.wait(5.0, 0.05)

    def status(self) -> Mapping[str, Any]:
        """What the page shows.

        Returns:
            ``state``, ``active``, ``cancelling``, ``percent`` (0 .. 100, or None before the first report), ``text``,
            ``error``, ``hint``, ``warnings`` and ``log``.
        """
        job = self.job
        if job is None:
            return IDLE
        progress, fault = job.progress, job.fault
        return {
            "state": job.state.value,
            "active": not job.state.final,
            "cancelling": job.cancelling,
            "percent": None if progress is None else round(100 * progress.fraction),
            "text": _text(job),
            "error": "" if fault is None else fault.text,
            "hint": "" if fault is None else fault.hint,
            "warnings": list(job.warnings),
            "log": "\n".join(job.log[-_LINES:]),
        }

    def _report(self, job: BackgroundJob) -> None:
        if self.job is job:
            self._changed()


def _text(job: BackgroundJob) -> str:
    if job.cancelling:
        return "Cancelling"
    if job.state is JobState.IMPORTING:
        return "Taking over the result"
    if job.state is JobState.CANCELLED:
        return "Cancelled; nothing was changed."
    if job.state.final:
        return ""
    if job.progress is None:
        return "Starting; the first run of a day takes longer"
    left = job.progress.seconds_left
    parts = (job.progress.phase, job.progress.message, "" if left is None else f"{max(1, round(left))} s left")
    return " · ".join(part for part in parts if part)
