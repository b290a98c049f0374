"""What is offered for download."""

from __future__ import annotations

import zipfile
from pathlib import Path

from monai_gan.viewer.results import keep_files


def written(folder: Path, *names: str) -> list[str]:
    folder.mkdir()
    for name in names:
        (folder / name).write_text(name)
    return [str(folder / name) for name in names if not name.endswith(".json")]


def test_one_image_comes_first_and_is_called_after_its_source(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    files = written(tmp_path / "out", "input_b.nii.gz", "input_b.json")
    kept = keep_files({"files": files}, tmp_path / "kept", "T1 head")
    assert [path.name for path in kept] == ["T1_head_b.nii.gz", "T1_head_b.json"]
    assert kept[0].read_text() == "input_b.nii.gz"


def test_several_images_come_as_one_zip_with_what_describes_them(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    files = written(tmp_path / "out", "b_s7_0000.nii.gz", "b_s7_0000.json", "b_s7_0001.nii.gz", "b_s7_0001.json")
    result = {"files": files, "bundle": {"name": "b"}, "request": {"seed": 7}}
    (packed,) = keep_files(result, tmp_path / "kept")
    assert packed.name == "b_s7.zip"
    with zipfile.ZipFile(packed) as archive:
        assert len(archive.namelist()) == 4
        assert archive.read("b_s7_0001.json") == b"b_s7_0001.json"
