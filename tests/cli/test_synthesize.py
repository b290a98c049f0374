from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.usefixtures("tiny")
def test_images_and_sidecars(run: Run, tmp_path: Path) -> None:
    outcome = run("synthesize", "tiny_dcgan", "-n", 3, "--seed", 4, "-o", tmp_path / "out", "--grid")
    assert outcome.code == 0, outcome.err
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"tiny_dcgan_s4_{i}.{end}" for i in ("0000", "0001", "0002", "grid") for end in ("png", "json")}
    assert outcome.out == f"3 synthetic images in {tmp_path / 'out'}, overview in tiny_dcgan_s4_grid.png\n"
    assert outcome.err == ""


def test_json_lists_the_files_and_nothing_else(tiny: Path, run: Run, tmp_path: Path) -> None:
    outcome = run("synthesize", tiny, "-n", 2, "-o", tmp_path / "out", "--json", "--format", "nrrd")
    files = [tmp_path / "out" / f"tiny_dcgan_s0_000{i}.nrrd" for i in range(2)]
    assert json.loads(outcome.out) == {"files": [str(file) for file in files]}
    assert all(file.is_file() for file in files)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("words", "text"),
    [
        pytest.param(["-n", "0"], "n=0 is not possible", id="no-images"),
        pytest.param(["--seed", "-1"], "seed=-1 is out of range", id="negative-seed"),
        pytest.param(["--seed", str(2**63)], "seed=9223372036854775808 is out of range", id="large-seed"),
        pytest.param(["--format", "jpg"], "format='jpg' is unknown", id="format"),
        pytest.param(["--truncation", "1.5"], "truncation=1.5 is out of range", id="truncation"),
        pytest.param(["--traversal"], "'tiny_dcgan' has neither codes nor styles", id="no-codes"),
        pytest.param(["--label", "1"], "label='1' is not possible", id="label"),
        pytest.param(["--device", "cuda:99"], "device='cuda:99' is not there", id="device"),
    ],
)
def test_bad_input(words: list[str], text: str, run: Run, tmp_path: Path) -> None:
    outcome = run("synthesize", "tiny_dcgan", *words, "-o", tmp_path / "out")
    assert outcome.code == 2
    assert text in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert outcome.out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("tiny")
def test_unknown_bundle_suggests_the_nearest(run: Run, tmp_path: Path) -> None:
    outcome = run("synthesize", "tiny_dcgn", "-o", tmp_path / "out")
    assert outcome.code == 2
    assert "did you mean 'tiny_dcgan'" in outcome.err


@pytest.mark.usefixtures("tiny")
def test_output_below_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = run("synthesize", "tiny_dcgan", "-o", tmp_path / "file" / "out")
    assert outcome.code == 2
    assert f"{tmp_path / 'file' / 'out'}' cannot be written" in outcome.err


def test_tampered_weights(tiny: Path, run: Run, tmp_path: Path) -> None:
    weights = tiny / "models" / "model.pt"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    outcome = run("synthesize", "tiny_dcgan", "-o", tmp_path / "out")
    assert outcome.code == 10
    assert "model.pt" in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("tiny")
def test_ctrl_c_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from monai_gan.data import write

    original, calls = write.write_image, []

    def write_image(*arguments: Any, **options: Any) -> Path:
        calls.append(arguments)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return original(*arguments, **options)

    monkeypatch.setattr(write, "write_image", write_image)
    before = signal.getsignal(signal.SIGINT)
    outcome = run("synthesize", "tiny_dcgan", "-n", 5, "-o", tmp_path / "out")
    assert outcome.code == 40
    assert len(calls) == 2
    assert "cancelled" in outcome.err
    assert not (tmp_path / "out").exists()
    assert signal.getsignal(signal.SIGINT) is before
