"""The private folder, and that nothing is left of it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from monai_gan.viewer.workspace import PREFIX, Workspace, remove_abandoned


def test_the_folder_is_private_and_removed(tmp_path: Path) -> None:
    with Workspace(tmp_path) as place:
        folder = place.folder("upload")
        (folder / "scan.nii").write_bytes(b"x")
        assert stat.S_IMODE(place.root.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder != place.folder("upload")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_removed_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with Workspace(tmp_path) as place:
            place.folder("result")
            raise RuntimeError("fault")

    with pytest.raises(RuntimeError, match="fault"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_viewer_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True, text=True
    )
    names = [f"{PREFIX}{ended.stdout.strip()}_a", f"{PREFIX}{os.getpid()}_b", f"{PREFIX}text_c", "other"]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / f"{PREFIX}{ended.stdout.strip()}_link").symlink_to(tmp_path / "other")
    assert remove_abandoned(tmp_path) == [tmp_path / names[0]]
    assert sorted(path.name for path in tmp_path.iterdir() if not path.is_symlink()) == sorted(names[1:])
