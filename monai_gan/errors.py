"""The errors that a user can meet, each with the exit code that every face (command line, runner, Slicer) shares."""

from __future__ import annotations

import importlib
from types import ModuleType


class MonaiGanError(Exception):
    """Base of all errors raised on purpose; its text is one sentence that names the thing and the remedy.

    Args:
        message: what is wrong, with the value and the remedy.
        hint: an optional second line with a command or a place to look.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class InputError(MonaiGanError, ValueError):
    """An argument or an input that the user can correct."""

    exit_code = 2


class MissingExtraError(MonaiGanError, ImportError):
    """A feature needs an optional dependency that is not installed."""

    exit_code = 2


class WeightsError(MonaiGanError):
    """Weights are missing, altered or unsafe to load."""

    exit_code = 10


class GPUMemoryError(MonaiGanError):
    """The GPU ran out of memory."""

    exit_code = 20


class HostMemoryError(MonaiGanError):
    """The computer ran out of memory."""

    exit_code = 21


class InvalidResultError(MonaiGanError):
    """A result is not finite, constant, or does not match its declared form; nothing was written."""

    exit_code = 30


class NonFiniteLossError(InvalidResultError):
    """A training loss became NaN or infinite; training stopped, and the last checkpoint is from before."""


class Cancelled(MonaiGanError):
    """The user cancelled; nothing half done is left."""

    exit_code = 40


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency.

    Args:
        module: the module to import, for instance ``"nilearn"``.
        extra: the extra of this package that brings it.

    Raises:
        MissingExtraError: with the command that installs the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(f"'{module}' is not installed; run: pip install 'monai-gan[{extra}]'") from error
