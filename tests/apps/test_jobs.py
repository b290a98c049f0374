from __future__ import annotations

import pytest

from monai_gan.apps.jobs import Progress, Reporter, check_cancel
from monai_gan.errors import Cancelled


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_reports_fraction_phase_and_time_left() -> None:
    seen: list[Progress] = []
    clock = Clock()
    reporter = Reporter(4, seen.append, phase="loading", clock=clock)
    reporter.start("sampling", "first")
    clock.now += 6
    reporter.advance(1, "one")
    clock.now += 2
    reporter.advance(3)
    assert seen == [
        Progress(0.0, "sampling", "first", None),
        Progress(0.25, "sampling", "one", 18.0),
        Progress(1.0, "sampling", "", 0.0),
    ]


def test_fraction_never_falls_and_never_exceeds_one() -> None:
    fractions: list[float] = []
    reporter = Reporter(10, lambda progress: fractions.append(progress.fraction))
    for done in (5, 3, 8, 12, 1):
        reporter.update(done)
    assert fractions == [0.5, 0.5, 0.8, 1.0, 1.0]


def test_a_job_without_steps_is_done_at_once() -> None:
    fractions: list[float] = []
    Reporter(0, lambda progress: fractions.append(progress.fraction)).start("x")
    assert fractions == [1.0]


def test_cancel_is_seen_at_the_next_report_and_nothing_is_reported_after_it() -> None:
    seen: list[Progress] = []
    reporter = Reporter(3, seen.append, lambda: len(seen) == 2)
    reporter.advance()
    reporter.advance()
    with pytest.raises(Cancelled) as caught:
        reporter.advance()
    assert caught.value.exit_code == 40
    assert len(seen) == 2


def test_check_cancel_without_a_check_never_stops() -> None:
    check_cancel(None)
    check_cancel(lambda: False)
    with pytest.raises(Cancelled, match="stop now"):
        check_cancel(lambda: True, "stop now")
