from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_gan.apps.doctor import diagnose


def test_report(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONAI_GAN_DATA", str(tmp_path))
    report = diagnose()
    assert json.loads(json.dumps(report)) == report
    assert report["packages"]["torch"].startswith("2.")
    assert report["devices"]["cpu"] == "CPU"
    assert report["default_device"] in report["devices"]
    assert {"name": "tiny_dcgan", "version": "0.1.0", "path": str(tiny)} in report["bundles"]
    assert report["data"] == {"path": str(tmp_path), "ok": True, "note": "found"}
    assert report["cache"]["ok"]
    assert not (tmp_path / "cache").exists()
    assert report["problems"] == []
    for operation in report["operations"].values():
        assert operation["backend"] in ("native", "torch")
        assert operation["reason"]


@pytest.mark.usefixtures("tiny")
def test_problems_are_told_with_their_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MONAI_GAN_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("MONAI_GAN_CACHE", str(tmp_path / "file" / "cache"))
    report = diagnose()
    data, cache = sorted(report["problems"], reverse=True)
    assert "MONAI_GAN_DATA" in data
    assert "correct or unset it" in data
    assert "set MONAI_GAN_CACHE" in cache
