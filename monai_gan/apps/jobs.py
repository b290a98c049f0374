"""What every long-running function shares: progress reports and a polite way to stop.

Nothing here knows a user interface. A face (command line, runner, Slicer, web) passes two callables: one that is told
how far the work is and one that is asked whether to go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from monai_gan.errors import Cancelled


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes:
        fraction: work done, 0..1, never falling within one job.
        phase: short name of what runs now, such as "sampling" or "writing".
        message: one line for people, may be empty.
        seconds_left: estimate of the remaining seconds, or None while nothing is known yet.
    """

    fraction: float
    phase: str = ""
    message: str = ""
    seconds_left: float | None = None


ProgressCallback = Callable[[Progress], None]
CancelCheck = Callable[[], bool]


def check_cancel(cancel: CancelCheck | None, message: str = "The job was cancelled; nothing was kept.") -> None:
    """Stop a job whose user asked for it.

    Args:
        cancel: asked once; True means stop. None means that the job cannot be cancelled.
        message: sentence of the exception.

    Raises:
        Cancelled: when ``cancel`` answers True.
    """
    if cancel is not None and cancel():
        raise Cancelled(message)


class Reporter:
    """Turn "so many steps done" into `Progress` reports and look for a cancel at the same time.

    The reported fraction is monotonic. The time left assumes that a step costs what the steps of this job cost so far.

    Args:
        total: number of steps of the whole job; 0 reports a fraction of 1 at once.
        progress: receiver of the reports, or None.
        cancel: asked at each report, or None.
        phase: name of the first phase.
        clock: monotonic seconds; exchanged by tests.
    """

    def __init__(
        self,
        total: float,
        progress: ProgressCallback | None = None,
        cancel: CancelCheck | None = None,
        *,
        phase: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = float(total)
        self.done = 0.0
        self.phase = phase
        self._progress = progress
        self._cancel = cancel
        self._clock = clock
        self._began = clock()
        self._fraction = 0.0

    def start(self, phase: str, message: str = "") -> None:
        """Name the phase that begins now and report it.

        Args:
            phase: short name of the phase.
            message: one line for people.

        Raises:
            Cancelled: when the user asked to stop.
        """
        self.phase = phase
        self.advance(0, message)

    def advance(self, steps: float = 1, message: str = "") -> None:
        """Count steps as done and report.

        Args:
            steps: steps finished since the last call.
            message: one line for people.

        Raises:
            Cancelled: when the user asked to stop.
        """
        self.update(self.done + steps, message)

    def update(self, done: float, message: str = "") -> None:
        """Set the number of steps done and report.

        Args:
            done: steps finished since the start; a number below an earlier one does not lower the fraction.
            message: one line for people.

        Raises:
            Cancelled: when the user asked to stop.
        """
        check_cancel(self._cancel)
        self.done = max(self.done, float(done))
        fraction = min(1.0, self.done / self.total) if self.total > 0 else 1.0
        self._fraction = max(self._fraction, fraction)
        if self._progress is not None:
            self._progress(Progress(self._fraction, self.phase, message, self._seconds_left()))

    def _seconds_left(self) -> float | None:
        if self._fraction <= 0:
            return None
        elapsed = self._clock() - self._began
        return max(0.0, elapsed * (1 - self._fraction) / self._fraction)
