from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import monai_gan.bundle
from monai_gan.bundle import Check

Run = Callable[..., Any]


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    """What `verify_bundle` finds; the rules themselves are tested in their own room."""
    found = [Check("layout", True, "8 files")]
    monkeypatch.setattr(monai_gan.bundle, "verify_bundle", lambda *_, **__: found)
    return found


@pytest.mark.usefixtures("tiny", "checks")
def test_verify_a_good_bundle(run: Run) -> None:
    outcome = run("bundle", "verify", "tiny_dcgan")
    assert outcome.code == 0
    assert "layout" in outcome.out
    report = json.loads(run("bundle", "verify", "tiny_dcgan", "--json").out)
    assert report["ok"]
    assert report["checks"] == [{"name": "layout", "ok": True, "detail": "8 files"}]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(("rule", "unsafe", "code"), [("metadata", False, 2), ("network", True, 10)])
def test_verify_a_bad_bundle(rule: str, unsafe: bool, code: int, run: Run, checks: list[Check]) -> None:
    checks.append(Check(rule, False, "what [is] wrong", unsafe=unsafe))
    outcome = run("bundle", "verify", "tiny_dcgan")
    assert outcome.code == code
    assert "what [is] wrong" in outcome.out
    assert outcome.err == f"Bundle 'tiny_dcgan' fails 1 of 2 checks: {rule}.\n"
    outcome = run("bundle", "verify", "tiny_dcgan", "--json")
    assert outcome.code == code
    assert json.loads(outcome.out)["ok"] is False


def test_pack_and_use_the_zip(tiny: Path, run: Run, tmp_path: Path) -> None:
    outcome = run("bundle", "pack", tiny, "-o", tmp_path / "zips", "--json")
    packed = tmp_path / "zips" / "tiny_dcgan_v0.1.0.zip"
    assert json.loads(outcome.out) == {"file": str(packed)}
    outcome = run("synthesize", packed, "-n", 1, "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "out" / "tiny_dcgan_s0_0000.png").is_file()
