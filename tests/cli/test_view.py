"""`monai-gan view` before it serves: what is refused, and with which remedy."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("absent.nii",), "'absent.nii' does not exist: give NIfTI"),
        (("--port", "70000"), "port=70000 is no port"),
        (("--host", "http://x"), "host='http://x' is no address"),
        (("--host", "0.0.0.0", "--token", "short"), "token has 5 characters"),
        (("--max-upload", "0"), "max_upload=0 is too small"),
        (("--host", "192.0.2.1"), "host='192.0.2.1', port=0 cannot be used"),
    ],
    ids=["no-file", "port", "host", "token", "limit", "foreign-address"],
)
def test_what_is_refused(words: tuple[str, ...], text: str, run: Run, tmp_path: Path) -> None:
    outcome = run("view", *words)
    assert outcome.code == 2
    assert text in outcome.err


def test_a_file_that_is_no_image_is_refused_before_anything_slow(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.nii").write_text("text " * 100)
    outcome = run("view", tmp_path / "notes.nii")
    assert outcome.code == 2
    assert "'notes.nii' is no image that can be opened" in outcome.err
    assert "trame" not in sys.modules


def test_a_port_that_is_taken_is_named(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = run("view", "--port", port)
    assert outcome.code == 2
    assert f"port={port} cannot be used" in outcome.err


def test_without_the_extra_the_command_to_install_it_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trame", None)
    outcome = run("view")
    assert outcome.code == 2
    assert "pip install 'monai-gan[viewer]'" in outcome.err
