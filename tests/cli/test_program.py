from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import typer

from monai_gan import __version__
from monai_gan.apps import doctor
from monai_gan.cli.program import app
from monai_gan.errors import Cancelled, GPUMemoryError, InputError, InvalidResultError, WeightsError

COMMANDS = [
    ("doctor",),
    ("list",),
    ("info",),
    ("synthesize",),
    ("translate",),
    ("train",),
    ("enhance",),
    ("detect",),
    ("evaluate",),
    ("provenance",),
    ("run",),
    ("demo",),
    ("view",),
    ("bundle",),
    ("bundle", "verify"),
    ("bundle", "pack"),
    ("bundle", "push"),
    ("bundle", "download"),
]


@pytest.mark.parametrize("command", [(), *COMMANDS], ids=" ".join)
def test_help_has_an_example(command: tuple[str, ...], run: Callable[..., Any]) -> None:
    outcome = run(*command, "--help")
    assert outcome.code == 0
    assert f"Example: monai-gan {' '.join(command)}".strip() in outcome.out


def test_only_what_is_built_is_offered() -> None:
    group: Any = typer.main.get_command(app)
    found = {(name,) for name in group.commands}
    found |= {("bundle", name) for name in group.commands["bundle"].commands}
    assert found == set(COMMANDS)


def test_start_up_is_light(tmp_path: Path) -> None:
    code = """
import sys
from monai_gan.cli import main
code = main(["synthesize", "--help"])
heavy = [name for name in ("torch", "monai", "numpy", "ignite", "nibabel", "jsonschema") if name in sys.modules]
sys.exit(f"{code} {heavy}")
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.stderr.strip().endswith("0 []"), result.stderr


def test_version(run: Callable[..., Any]) -> None:
    outcome = run("--version")
    assert (outcome.code, outcome.out) == (0, f"monai-gan {__version__}\n")


@pytest.mark.parametrize(
    "words",
    [("paint",), ("synthesize",), ("synthesize", "x", "-o", "y", "-n", "many"), ("doctor", "--wrong")],
    ids=["command", "missing", "number", "option"],
)
def test_wrong_usage_is_exit_code_two(words: tuple[str, ...], run: Callable[..., Any]) -> None:
    outcome = run(*words)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        pytest.param(InputError("wrong thing", hint="do this"), 2, "wrong thing\ndo this\n", id="input"),
        pytest.param(WeightsError("bad [weights]"), 10, "bad [weights]\n", id="weights"),
        pytest.param(GPUMemoryError("full"), 20, "full\n", id="gpu"),
        pytest.param(torch.OutOfMemoryError("CUDA out of memory"), 20, "The GPU ran out of memory", id="torch"),
        pytest.param(MemoryError(), 21, "The computer ran out of memory", id="host"),
        pytest.param(InvalidResultError("nan"), 30, "nan\n", id="result"),
        pytest.param(Cancelled("stopped"), 40, "stopped\n", id="cancelled"),
        pytest.param(KeyboardInterrupt(), 40, "Stopped by Ctrl-C.\n", id="ctrl-c"),
        pytest.param(KeyError("odd"), 1, "Unexpected KeyError: 'odd'\nRun again with --debug", id="anything-else"),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(
    error: BaseException, code: int, text: str, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(doctor, "diagnose", fail)
    outcome = run("doctor")
    assert outcome.code == code
    assert outcome.out == ""
    assert outcome.err.startswith(text)
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("words", [("--debug", "doctor"), ("doctor", "--debug")], ids=["before", "after"])
def test_debug_shows_the_traceback(
    words: tuple[str, ...], run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise InputError("wrong thing")

    monkeypatch.setattr(doctor, "diagnose", fail)
    outcome = run(*words)
    assert outcome.code == 2
    assert "Traceback" in outcome.err
    assert outcome.err.endswith("wrong thing\n")
