"""What a person is told when a job in another process went wrong."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monai_gan.errors import HostMemoryError, MonaiGanError

#: Exit codes of a process that was killed, which is how an operating system ends one that took too much memory: by
#: signal 9, as a shell tells it, and Windows' STATUS_NO_MEMORY and STATUS_COMMITMENT_LIMIT.
_KILLED = (-9, 137, 0xC0000017, 0xC000012D)


@dataclass(frozen=True)
class JobFault:
    """Why a job failed.

    Attributes:
        code: exit code as in `monai_gan.errors`; 1 for what nobody foresaw.
        text: one sentence that names the thing and the remedy.
        hint: a second line with a command or a place to look; may be empty.
        trace: Python's traceback, for the log; empty when the fault is another process's.
    """

    code: int
    text: str
    hint: str = ""
    trace: str = ""


def fault_of_exit(code: int, error: Mapping[str, Any] | None, log: Sequence[str]) -> JobFault:
    """The fault of a process that has ended without a result.

    Args:
        code: its exit code.
        error: its event of that name, when there was one.
        log: what it printed besides.
    """
    if error is not None:
        known = error.get("code")
        return JobFault(
            known if isinstance(known, int) else code, str(error.get("text", "")), str(error.get("hint") or "")
        )
    if code in _KILLED:
        return JobFault(HostMemoryError.exit_code, _out_of_memory())
    missing = next((line for line in reversed(log) if "No module named" in line), None)
    if missing is not None:
        name = missing.rpartition("No module named")[2].strip(" '\"")
        return JobFault(1, f"The Python package {name!r} is not installed for this Python: install it and try again.")
    if code == 0:
        return JobFault(1, "The job ended without a result.", "Details show what it printed.")
    return JobFault(1, f"The job ended unexpectedly with exit code {code}.", "Details show what it printed last.")


def fault_of_exception(error: Exception, what: str) -> JobFault:
    """The fault of this process's own part of a job.

    Args:
        error: what was raised.
        what: the beginning of the sentence for an error that nobody foresaw.
    """
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, MonaiGanError):
        return JobFault(error.exit_code, str(error), error.hint, trace)
    if isinstance(error, MemoryError):
        return JobFault(HostMemoryError.exit_code, _out_of_memory(), "", trace)
    reason = " ".join(str(error).split()) or type(error).__name__
    return JobFault(1, f"{what}: {reason}.".replace("..", "."), "Details show where.", trace)


def _out_of_memory() -> str:
    import psutil

    free = psutil.virtual_memory().available / 2**30
    return (
        f"The job was ended, most likely because the computer ran out of memory ({free:.1f} GiB are free now): close "
        "other programs, or give a smaller region of the image."
    )
