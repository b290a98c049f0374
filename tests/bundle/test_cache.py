from __future__ import annotations

from pathlib import Path

import pytest

from monai_gan.bundle import cache_dir


def test_variable_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MONAI_GAN_CACHE", str(tmp_path / "here"))
    assert cache_dir() == tmp_path / "here"


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        pytest.param("linux", {}, "home/.cache/monai-gan", id="linux_default"),
        pytest.param("linux", {"XDG_CACHE_HOME": "{tmp}/xdg"}, "xdg/monai-gan", id="linux_xdg"),
        pytest.param("linux", {"XDG_CACHE_HOME": "relative"}, "home/.cache/monai-gan", id="relative_xdg_is_ignored"),
        pytest.param("darwin", {}, "home/Library/Caches/monai-gan", id="macos"),
        pytest.param("win32", {"LOCALAPPDATA": "{tmp}/local"}, "local/monai-gan", id="windows"),
        pytest.param("win32", {}, "home/AppData/Local/monai-gan", id="windows_without_variable"),
    ],
)
def test_platform_default(
    platform: str, environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("MONAI_GAN_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(tmp=tmp_path))
    monkeypatch.setattr("monai_gan.bundle.cache.sys.platform", platform)
    monkeypatch.setattr("monai_gan.bundle.cache.Path.home", lambda: tmp_path / "home")
    assert cache_dir() == tmp_path / expected
    assert not cache_dir().exists()
