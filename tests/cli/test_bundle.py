from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unreliable_server import UnreliableServer

import monai_gan.bundle
from monai_gan.bundle import Check
from monai_gan.bundle.files import sha256_of

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
    told = json.loads(outcome.out)
    assert told == {"file": str(packed), "sha256": sha256_of(packed), "bytes": packed.stat().st_size}
    outcome = run("synthesize", packed, "-n", 1, "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "out" / "tiny_dcgan_s0_0000.png").is_file()


def test_push_and_download(tiny: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = run("bundle", "push", tiny, "--to", tmp_path / "offered", "--json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert told["sha256"] == sha256_of(tmp_path / "offered" / told["file"])
    assert run("bundle", "push", tiny, "--to", (tmp_path / "offered").as_uri()).code == 0
    outcome = run("bundle", "download", "tiny_dcgan", "--source", tmp_path / "offered", "--json")
    assert outcome.code == 0, outcome.err
    assert f"still means {tiny}, which is found first" in outcome.err
    monkeypatch.delenv("MONAI_GAN_BUNDLES")
    outcome = run("bundle", "download", "tiny_dcgan", "--source", tmp_path / "offered", "--version", "0.1.0")
    assert outcome.out.startswith("Downloaded: tiny_dcgan 0.1.0, ")
    assert outcome.err == ""
    outcome = run("synthesize", "tiny_dcgan", "-n", 1, "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err


def test_download_over_a_connection_that_breaks(
    tiny: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("monai_gan.bundle.transfer.Retry.wait", lambda *_: None)
    run("bundle", "push", tiny, "--to", tmp_path / "offered")
    files = {file.name: file.read_bytes() for file in (tmp_path / "offered").iterdir()}
    with UnreliableServer(files, drops=[5000]) as server:
        outcome = run("bundle", "download", "tiny_dcgan", "--source", server.address)
    assert outcome.code == 0, outcome.err
    assert [wanted for _, wanted in server.requests] == [None, None, "bytes=5000-"]
    broken = {**files, "tiny_dcgan_v0.1.0.zip": bytes(len(files["tiny_dcgan_v0.1.0.zip"]))}
    monkeypatch.setenv("MONAI_GAN_CACHE", str(tmp_path / "other_cache"))
    with UnreliableServer(broken) as server:
        outcome = run("bundle", "download", "tiny_dcgan", "--source", server.address)
    assert outcome.code == 10
    assert "another SHA-256 than its index says" in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_ctrl_c_keeps_what_has_arrived(tiny: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    run("bundle", "push", tiny, "--to", tmp_path / "offered")
    with monkeypatch.context() as patch:
        patch.setattr("monai_gan.apps.jobs.Progress", interrupted)
        outcome = run("bundle", "download", "tiny_dcgan", "--source", tmp_path / "offered")
    assert outcome.code == 40
    assert outcome.err == "Stopped by Ctrl-C.\nRun the same command again to go on.\n"
    (part,) = (tmp_path / "cache").rglob("*.part")
    assert part.stat().st_size > 0
    assert run("bundle", "download", "tiny_dcgan", "--source", tmp_path / "offered").code == 0
    assert not list((tmp_path / "cache").rglob("*.part"))


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("words", "text"),
    [
        pytest.param(["download", "tiny_dcgan", "--source", "nowhere"], "is it a folder of bundles", id="no-folder"),
        pytest.param(["download", "tiny_dcgan", "--source", "ftp://127.0.0.1"], "kind that is not read", id="protocol"),
        pytest.param(["push", "tiny_dcgan", "--to", "http://127.0.0.1/b"], "give the folder that", id="push-to-server"),
        pytest.param(["push", "tiny_dcgan", "--to", "hf://tiny"], "give owner/name", id="repository"),
        pytest.param(["push", "tiny_dcgn", "--to", "place"], "did you mean 'tiny_dcgan'", id="unknown"),
    ],
)
def test_bad_input(words: list[str], text: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run("bundle", *words)
    assert outcome.code == 2
    assert text in outcome.err
    assert outcome.out == ""
    assert not (tmp_path / "place").exists()
