from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import monai_gan.apps.train  # noqa: F401  its function is exchanged below
from monai_gan.errors import Cancelled

Run = Callable[..., Any]


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Put a function in the place of the training."""

    def use(work: Callable[..., Any]) -> None:
        monkeypatch.setattr(sys.modules["monai_gan.apps.train"], "train", work)

    return use


def test_arguments_are_handed_over(train: Callable[..., None], run: Run, tmp_path: Path) -> None:
    given: list[Any] = []

    def work(bundle: str, output: Path, overrides: dict[str, Any], **rest: Any) -> Path:
        given.extend((bundle, output, overrides, rest["device"], rest["trust"]))
        return output / "tiny"

    train(work)
    outcome = run("train", "tiny", "-o", tmp_path, "max_epochs=2", "train::trainer::seed=3", "--device", "cpu")
    assert outcome.code == 0, outcome.err
    assert given == ["tiny", tmp_path, {"max_epochs": "2", "train::trainer::seed": "3"}, "cpu", False]
    assert outcome.out == f"Trained: {tmp_path / 'tiny'}\n"


def test_an_override_without_a_value(run: Run, tmp_path: Path) -> None:
    outcome = run("train", "tiny", "-o", tmp_path, "max_epochs")
    assert outcome.code == 2
    assert "'max_epochs' is not KEY=VALUE" in outcome.err


def test_the_first_ctrl_c_asks_and_the_message_tells_how_to_resume(
    train: Callable[..., None], run: Run, tmp_path: Path
) -> None:
    def work(*_: Any, cancel: Callable[[], bool], **__: Any) -> None:
        assert not cancel()
        signal.raise_signal(signal.SIGINT)
        assert cancel()
        raise Cancelled("Training stopped at iteration 7.")

    train(work)
    outcome = run("train", "tiny", "-o", tmp_path)
    assert outcome.code == 40
    assert "press Ctrl-C again to stop at once" in outcome.err
    assert outcome.err.endswith("Training stopped at iteration 7.\nRun the same command again to go on.\n")


def test_the_second_ctrl_c_stops_at_once(train: Callable[..., None], run: Run, tmp_path: Path) -> None:
    def work(*_: Any, **__: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("still running")

    train(work)
    outcome = run("train", "tiny", "-o", tmp_path)
    assert outcome.code == 40
    assert outcome.err.endswith("Stopped by Ctrl-C.\n")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("tiny")
def test_an_unknown_override_names_the_nearest(run: Run, tmp_path: Path) -> None:
    outcome = run("train", "tiny_dcgan", "-o", tmp_path / "run", "max_epoch=2", "--trust", "--device", "cpu")
    assert outcome.code == 2
    assert "max_epochs" in outcome.err
