from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_volume_bundle import build_volume_bundle

from monai_gan.data import write_image

Run = Callable[..., Any]


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    values = 500 * np.random.default_rng(0).random((1, 12, 12, 5)).astype(np.float32)
    return write_image(tmp_path / "head.nii.gz", values)


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MONAI_GAN_BUNDLES", str(tmp_path / "bundles"))
    return build_volume_bundle(tmp_path / "bundles", familiar={"negative_share": [0.5, 1.0]}).name


def test_a_translation_says_where_it_is_and_what_is_unusual(bundle: str, scan: Path, run: Run, tmp_path: Path) -> None:
    outcome = run("translate", bundle, scan, "-o", tmp_path / "t2.nii.gz")
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"{tmp_path / 't2.nii.gz'} (synthetic; not for diagnosis)\n"
    assert len(outcome.err.splitlines()) == 1
    assert outcome.err.startswith("Warning: The image does not look like T1-weighted MR")


def test_json_has_the_files_and_the_report(bundle: str, scan: Path, run: Run, tmp_path: Path) -> None:
    outcome = run("translate", bundle, scan, "-o", tmp_path / "out", "--format", "nrrd", "--json")
    found = json.loads(outcome.out)
    assert found["files"] == [str(tmp_path / "out" / f"head_{bundle}.nrrd")]
    assert found["report"]["units"] == "arbitrary, model scale"
    assert len(found["report"]["warnings"]) == 1


def test_errors_are_one_sentence(bundle: str, scan: Path, run: Run, tmp_path: Path) -> None:
    for words, text in (
        (["enhance", bundle, scan, "-o", tmp_path / "out"], "is for 'translation'"),
        (["translate", bundle, tmp_path / "none.nii.gz", "-o", tmp_path / "out"], "does not exist"),
        (["translate", bundle, scan, "-o", tmp_path / "out", "--uncertainty"], "uncertainty=True is not possible"),
    ):
        outcome = run(*words)
        assert outcome.code == 2
        assert text in outcome.err
        assert len(outcome.err.splitlines()) == 1
        assert not (tmp_path / "out").exists()
