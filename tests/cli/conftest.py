"""The command line run inside the test's process, and a bundle small enough to run in milliseconds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tiny_bundle import build_tiny_bundle

from monai_gan.cli import main


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_bundle(tmp_path_factory.mktemp("built"))


@pytest.fixture
def tiny(_built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A 2-D synthesis bundle of its own for the test, found by the name tiny_dcgan."""
    monkeypatch.setenv("MONAI_GAN_BUNDLES", str(tmp_path / "bundles"))
    monkeypatch.setenv("MONAI_GAN_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(_built, tmp_path / "bundles" / _built.name))


@dataclass
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `monai-gan` with the given words."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")

    def run_words(*words: object) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run_words
