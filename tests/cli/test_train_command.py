"""`monai-gan train` as a person meets it: real trainings, a real Ctrl-C, and one sentence for what cannot be done."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_images import write_tiny_images

from monai_gan.bundle import verify_bundle
from monai_gan.handlers import load_checkpoint

Run = Callable[..., Any]


@pytest.fixture
def words(tiny: Path, tmp_path: Path) -> list[str]:
    """A command that trains for ten iterations."""
    images = write_tiny_images(tmp_path / "images.npz")
    options = ["--trust", "--device", "cpu"]
    return ["train", str(tiny), "-o", str(tmp_path / "run"), *options, f"dataset_dir={images}"]


def wait_for_line(log: Path, process: subprocess.Popen[str], seconds: float = 120) -> None:
    """Wait until the training has logged an iteration."""
    pause, end = threading.Event(), time.monotonic() + seconds
    while not (log.is_file() and log.read_text().count("\n")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no iteration was logged in time"
        pause.wait(0.05)


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is no signal that one process can send to another there")
def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(words: list[str], run: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "monai_gan", *words]
    environment = {**os.environ, "TERM": "dumb", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, "max_epochs=1000000"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for_line(tmp_path / "run" / "losses.jsonl", process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 40, err
    assert out == ""
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    iteration = load_checkpoint(checkpoint)["iteration"]
    assert re.findall(r".*(?:Ctrl-C|stopped|same command).*", err) == [
        "Stopping after this step and writing a checkpoint; press Ctrl-C again to stop at once.",
        f"Training stopped at iteration {iteration}; the checkpoint is {checkpoint}.",
        "Run the same command again to go on.",
    ]
    assert "Traceback" not in err
    assert sorted(p.name for p in (tmp_path / "run").iterdir() if not p.name.startswith("samples_")) == [
        "checkpoint.pt",
        "losses.jsonl",
    ]

    epochs = iteration // 5 + 1
    outcome = run(*words, f"max_epochs={epochs}")
    assert outcome.code == 0, outcome.err
    logged = [json.loads(line)["iteration"] for line in (tmp_path / "run" / "losses.jsonl").read_text().splitlines()]
    assert logged == list(range(1, 5 * epochs + 1))


def test_a_training_from_end_to_end(words: list[str], run: Run, tmp_path: Path) -> None:
    outcome = run(*words, "max_epochs=1", "train::trainer::precision=bf16")
    assert outcome.code == 0, outcome.err
    bundle = tmp_path / "run" / "tiny_dcgan"
    assert outcome.out == f"Trained: {bundle}\n"
    assert all(check.ok for check in verify_bundle(bundle))
    assert run("synthesize", bundle, "-n", "1", "-o", tmp_path / "out").code == 0


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        pytest.param(["max_epoch=2"], 2, "did you mean 'max_epochs'", id="unknown-override"),
        pytest.param(["dataset_dir=nowhere"], 2, "source 'nowhere' is neither a file nor a folder", id="no-data"),
        pytest.param(["batch_size=21"], 2, "try batch_size=20", id="large-batch"),
        pytest.param(["learning_rate=1e30"], 30, "Lower the learning rate", id="not-finite"),
        pytest.param(["--device", "cuda:99"], 2, "device='cuda:99' is not there", id="absent-device"),
    ],
)
def test_a_training_that_cannot_be(change: list[str], code: int, text: str, words: list[str], run: Run) -> None:
    outcome = run(*words, *change)
    assert outcome.code == code
    assert text in outcome.err
    assert len(outcome.err.splitlines()) <= 2, "one sentence and a hint"
    assert outcome.out == ""


def test_nan_in_the_data(words: list[str], run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "nan.npz", images=np.full((20, 8, 8), np.nan, dtype=np.float32))
    outcome = run(*words, f"dataset_dir={tmp_path / 'nan.npz'}")
    assert outcome.code == 2
    assert "holds NaN or infinite values" in outcome.err


def test_an_outside_bundle_that_holds_code(words: list[str], run: Run, tmp_path: Path) -> None:
    outcome = run(*(word for word in words if word != "--trust"))
    assert outcome.code == 2
    assert "runs code" in outcome.err
    assert "--trust" in outcome.err
    assert not (tmp_path / "run").exists()


def test_an_output_below_a_file(words: list[str], run: Run, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    outcome = run(*words, "-o", str(tmp_path / "run" / "below"))
    assert outcome.code == 2
    assert "cannot be written" in outcome.err
