"""What is offered is complete, and what was offered stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from monai_gan.bundle import pack_bundle, push_bundle, read_index, write_checksums
from monai_gan.bundle.files import sha256_of
from monai_gan.errors import InputError, WeightsError

Make = Callable[..., Path]


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_zip_and_entry(bundle: Path, tmp_path: Path) -> None:
    release = push_bundle(bundle, tmp_path / "new" / "place")
    path = tmp_path / "new" / "place" / "tiny_dcgan_v0.1.0.zip"
    assert (release.name, release.version, release.file) == ("tiny_dcgan", "0.1.0", path.name)
    assert (release.sha256, release.bytes) == (sha256_of(path), path.stat().st_size)
    assert path.read_bytes() == pack_bundle(bundle, tmp_path).read_bytes()
    assert read_index(path.parent).choose("tiny_dcgan") == release


def test_pushing_again_changes_nothing(bundle: Path, tmp_path: Path) -> None:
    push_bundle(bundle, tmp_path / "place")
    before = content(tmp_path / "place")
    push_bundle(bundle, tmp_path / "place")
    assert content(tmp_path / "place") == before


def test_bundles_and_versions_gather(make_bundle: Make, tmp_path: Path) -> None:
    for folder, options in (("a", {}), ("b", {"version": "0.2.0"}), ("c", {"name": "other"})):
        push_bundle(make_bundle(folder, **options), tmp_path / "place")
    listed = json.loads((tmp_path / "place" / "index.json").read_text())["bundles"]
    assert {name: list(versions) for name, versions in listed.items()} == {
        "other": ["0.1.0"],
        "tiny_dcgan": ["0.1.0", "0.2.0"],
    }
    assert len(list((tmp_path / "place").glob("*.zip"))) == 3


def test_a_version_that_was_offered_does_not_change(bundle: Path, tmp_path: Path) -> None:
    push_bundle(bundle, tmp_path / "place")
    before = content(tmp_path / "place")
    (bundle / "LICENSE").write_text("other terms")
    write_checksums(bundle)
    with pytest.raises(InputError, match="with another content: raise the bundle's version"):
        push_bundle(bundle, tmp_path / "place")
    assert content(tmp_path / "place") == before


def test_an_altered_bundle_is_not_offered(bundle: Path, tmp_path: Path) -> None:
    (bundle / "LICENSE").write_text("other terms")
    with pytest.raises(WeightsError, match="LICENSE"):
        push_bundle(bundle, tmp_path / "place")
    assert not (tmp_path / "place").exists()


@pytest.mark.parametrize("document", ['{"schema_version": 2, "bundles": {}}', "{"], ids=["newer", "damaged"])
def test_an_index_that_is_not_understood_is_left_alone(bundle: Path, tmp_path: Path, document: str) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "index.json").write_text(document)
    with pytest.raises(InputError, match=r"schema version 2|not valid JSON"):
        push_bundle(bundle, tmp_path / "place")
    assert (tmp_path / "place" / "index.json").read_text() == document
    assert not list((tmp_path / "place").glob("*.zip"))


def test_a_failure_leaves_the_index_as_it_was(
    make_bundle: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_bundle(make_bundle("a"), tmp_path / "place")
    before = (tmp_path / "place" / "index.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    second = make_bundle("b", version="0.2.0")
    monkeypatch.setattr("monai_gan.bundle.push.shutil.copyfile", full)
    with pytest.raises(InputError, match="No space left"):
        push_bundle(second, tmp_path / "place")
    assert (tmp_path / "place" / "index.json").read_bytes() == before
    assert [file.name for file in (tmp_path / "place").glob("*.zip")] == ["tiny_dcgan_v0.1.0.zip"]


def test_one_writer_at_a_time(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    with FileLock(tmp_path / "place" / ".index.json.lock"), pytest.raises(InputError, match="Another process"):
        push_bundle(bundle, tmp_path / "place")


def test_a_place_that_cannot_be_written(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        push_bundle(bundle, tmp_path / "file" / "place")
