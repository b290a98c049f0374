from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import monai_gan.apps.demo  # noqa: F401  its function is exchanged below
from monai_gan.apps.jobs import Progress


def test_tells_the_steps_where_to_look_and_what_to_type(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def demo(output: Path, *, quick: bool, progress: Callable[[Progress], None], cancel: Callable[[], bool]) -> Path:
        given.update(output=output, quick=quick, cancel=cancel())
        for fraction, message in ((0.0, "Synthesizing"), (0.1, "Synthesizing"), (0.5, "Training [x]")):
            progress(Progress(fraction, "demo", message))
        return output / "report.html"

    monkeypatch.setattr(sys.modules["monai_gan.apps.demo"], "demo", demo)
    outcome = run("demo", "-o", tmp_path, "--quick")
    assert outcome.code == 0, outcome.err
    assert given == {"output": tmp_path, "quick": True, "cancel": False}
    assert outcome.err == "[  0%] Synthesizing\n[ 50%] Training [x]\n"
    assert str(tmp_path / "report.html") in outcome.out
    assert "monai-gan synthesize" in outcome.out
