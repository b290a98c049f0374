"""Ctrl-C that lets a job end cleanly: the first asks it to stop, the second stops it at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from monai_gan.apps.jobs import CancelCheck


@contextmanager
def cancel_on_interrupt(notice: str = "") -> Iterator[CancelCheck]:
    """Replace Ctrl-C, and the polite end of a process (SIGTERM), by a flag for the time of a job.

    Args:
        notice: written to stderr at the first Ctrl-C.

    Returns:
        The callable to give to the job as ``cancel``.
    """
    stop = threading.Event()
    process = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        if notice and os.getpid() == process:  # not in each data loading worker, which inherits this
            from monai_gan.cli.console import err

            err().print(notice, soft_wrap=True)

    if threading.current_thread() is not threading.main_thread():  # signals belong to the main thread
        yield stop.is_set
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield stop.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
