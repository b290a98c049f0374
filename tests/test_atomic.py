"""Files are complete or untouched."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from monai_gan.atomic import remove_path, replace_path, write_atomic
from monai_gan.errors import InputError


def test_write_atomic_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.bin"
    write_atomic(target, b"old")
    write_atomic(target, b"new")
    assert target.read_bytes() == b"new"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_write_atomic_is_readable_by_others(tmp_path: Path) -> None:
    write_atomic(tmp_path / "file", b"")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


def test_write_atomic_refused_folder_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    with pytest.raises(InputError, match="cannot be written"):
        write_atomic(tmp_path / "file" / "inner", b"data")


def test_write_atomic_keeps_the_old_file_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("monai_gan.atomic.os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_atomic(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def make_folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_text(str(path.name))
    return path


def test_replace_path_moves_folders_whole(tmp_path: Path) -> None:
    old = make_folder(tmp_path / "old", "1.dcm", "2.dcm")
    replace_path(make_folder(tmp_path / "new", "1.dcm"), old)
    assert sorted(tmp_path.rglob("*")) == [old, old / "1.dcm"]
    assert (old / "1.dcm").read_text() == "new"


@pytest.mark.parametrize(
    ("source", "target"),
    [((), ("1.dcm",)), (("1.dcm",), ("1.dcm", "notes.txt")), (None, ("1.dcm",))],
    ids=["empty", "other_kinds", "a_file"],
)
def test_replace_path_spares_other_folders(
    tmp_path: Path, source: tuple[str, ...] | None, target: tuple[str, ...]
) -> None:
    new, old = tmp_path / "new", make_folder(tmp_path / "old", *target)
    if source is None:
        new.write_text("")
    else:
        make_folder(new, *source)
    with pytest.raises(OSError, match="other content is in the way"):
        replace_path(new, old)
    assert {path.name: path.read_text() for path in old.iterdir()} == dict.fromkeys(target, "old")


def test_replace_path_puts_the_folder_back_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new, old = make_folder(tmp_path / "new", "1"), make_folder(tmp_path / "old", "1")
    original = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self == new:
            raise OSError(28, "No space left on device")
        return original(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(OSError, match="No space left"):
        replace_path(new, old)
    assert (old / "1").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_remove_path_takes_files_folders_and_nothing(tmp_path: Path) -> None:
    for path in (make_folder(tmp_path / "a", "1"), tmp_path / "absent"):
        remove_path(path)
    (tmp_path / "b").write_text("")
    remove_path(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
