from __future__ import annotations

import errno
from pathlib import Path

import pytest

from monai_gan.apps.staging import OutputFolder
from monai_gan.errors import InputError


def test_files_appear_together_at_the_end(tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder"
    with OutputFolder(output) as folder:
        for name in "ab":
            (folder.staging / name).write_text(name)
        assert [path for path in output.iterdir() if not path.name.startswith(".")] == []
        assert folder.publish() == [output / "a", output / "b"]
    assert sorted(path.name for path in output.iterdir()) == ["a", "b"]


def test_a_failure_removes_what_this_run_made_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "keep").write_text("mine")
    for output in (tmp_path / "old", tmp_path / "old" / "new" / "newer"):
        with pytest.raises(ZeroDivisionError):
            fail_half_way(output)
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "old", tmp_path / "old" / "keep"]


def fail_half_way(output: Path) -> None:
    with OutputFolder(output) as folder:
        (folder.staging / "a").write_text("half")
        raise ZeroDivisionError


def test_a_failure_while_moving_takes_back_what_was_moved(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "child").write_text("a folder in the way")
    with OutputFolder(tmp_path) as folder:
        for name in "ab":
            (folder.staging / name).write_text(name)
        with pytest.raises(InputError, match="cannot be written"):
            folder.publish()
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "b", tmp_path / "b" / "child"]


def test_files_of_the_same_name_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with OutputFolder(tmp_path) as folder:
        (folder.staging / "a").write_text("new")
        folder.publish()
    assert (tmp_path / "a").read_text() == "new"


def test_folders_are_replaced_by_folders_of_their_kind(tmp_path: Path) -> None:
    for number in "12":
        with OutputFolder(tmp_path) as folder:
            (folder.staging / "series").mkdir()
            (folder.staging / "series" / f"{number}.dcm").write_text(number)
            assert folder.publish() == [tmp_path / "series"]
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "series", tmp_path / "series" / "2.dcm"]


@pytest.mark.parametrize(("inner", "message"), [("", "is a file"), ("below/it", "cannot be written")])
def test_a_path_that_cannot_be_a_folder(inner: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=message), OutputFolder(tmp_path / "file" / inner):
        pytest.fail("no work may begin")


def test_a_full_disk_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with OutputFolder(tmp_path) as folder, pytest.raises(InputError, match=f"{tmp_path}.*No space left"):
        write_with(folder, full)


def write_with(folder: OutputFolder, error: OSError) -> None:
    with folder.writing():
        raise error
