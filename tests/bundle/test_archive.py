from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from monai_gan.bundle import BundleInfo, check_files, pack_bundle, unpack_bundle
from monai_gan.errors import InputError, WeightsError

Make = Callable[..., Path]


def write_zip(path: Path, entries: dict[str, bytes], **attributes: int) -> Path:
    """A zip with a valid bundle's metadata and further entries, whose header fields can be set."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("evil/configs/metadata.json", "{}")
        for name, content in entries.items():
            info = zipfile.ZipInfo("placeholder")
            info.filename = name  # set afterwards, so that nothing is normalised
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.writestr(info, content)
    return path


def test_same_bundle_gives_the_same_bytes(make_bundle: Make, tmp_path: Path) -> None:
    first, second = make_bundle("one"), make_bundle("two")
    for number, file in enumerate(sorted(second.rglob("*"))):
        if file.is_file():
            file.chmod(0o600)
            os.utime(file, (1e9 + number, 1e9 + number))
    one, two = pack_bundle(first, tmp_path / "a"), pack_bundle(second, tmp_path / "b")
    assert one.name == "tiny_dcgan_v0.1.0.zip"
    assert one.read_bytes() == two.read_bytes()


def test_zip_has_one_top_folder_sorted_entries_and_fixed_attributes(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack_bundle(bundle, tmp_path)) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    assert names == sorted(names)
    assert {name.split("/")[0] for name in names} == {"tiny_dcgan"}
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {stat.S_IFREG | 0o644}


def test_only_files_of_the_bundle_are_packed(bundle: Path, tmp_path: Path) -> None:
    for stray in (".DS_Store", "runs/checkpoint.pt", "notes.txt", "eval/schema.json"):
        (bundle / stray).parent.mkdir(exist_ok=True)
        (bundle / stray).write_text("not part of it")
    with zipfile.ZipFile(pack_bundle(bundle, tmp_path)) as archive:
        assert len(archive.namelist()) == 8


def test_altered_bundle_is_not_packed(bundle: Path, tmp_path: Path) -> None:
    (bundle / "LICENSE").write_text("do what you like")
    with pytest.raises(WeightsError, match="LICENSE"):
        pack_bundle(bundle, tmp_path / "zips")
    assert not (tmp_path / "zips").exists()


def test_name_that_breaks_the_zip_is_refused(make_bundle: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be packed"):
        pack_bundle(make_bundle(name="my bundle"), tmp_path)


def test_round_trip_keeps_every_byte(bundle: Path, tmp_path: Path) -> None:
    archive = pack_bundle(bundle, tmp_path / "zips")
    root = unpack_bundle(archive)
    check_files(root)
    assert BundleInfo.from_path(root).name == "tiny_dcgan"
    assert {str(f.relative_to(root)) for f in root.rglob("*")} == {
        str(f.relative_to(bundle)) for f in bundle.rglob("*")
    }


def test_unpacked_once_per_content(make_bundle: Make, tmp_path: Path) -> None:
    first = pack_bundle(make_bundle("one"), tmp_path / "a")
    same = pack_bundle(make_bundle("two"), tmp_path / "b")
    other = pack_bundle(make_bundle("three", seed=1), tmp_path / "c")
    root = unpack_bundle(first)
    stamp = (root / "LICENSE").stat().st_mtime_ns
    assert unpack_bundle(same) == root
    assert (root / "LICENSE").stat().st_mtime_ns == stamp
    assert unpack_bundle(other) != root


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("evil/../../outside.txt", id="parent"),
        pytest.param("../outside.txt", id="parent_first"),
        pytest.param("/outside.txt", id="absolute"),
        pytest.param("evil\\..\\..\\outside.txt", id="backslashes"),
        pytest.param("C:/outside.txt", id="drive"),
        pytest.param("evil/a.txt:stream", id="alternate_stream"),
    ],
)
def test_entry_outside_its_folder_is_refused(name: str, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "evil.zip", {name: b"gotcha"})
    with pytest.raises(InputError, match="would land outside its folder"):
        unpack_bundle(archive)
    assert not list(tmp_path.rglob("outside*"))
    assert not list(tmp_path.rglob("cache/**/metadata.json"))


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        pytest.param({"external_attr": (stat.S_IFLNK | 0o777) << 16}, "link or special file", id="symbolic_link"),
        pytest.param({"external_attr": (stat.S_IFIFO | 0o644) << 16}, "link or special file", id="named_pipe"),
        pytest.param({"compress_type": zipfile.ZIP_BZIP2}, "compressed in an unusual way", id="other_compression"),
    ],
)
def test_special_entry_is_refused(attributes: dict[str, int], message: str, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "evil.zip", {"evil/link": b"/etc/passwd"}, **attributes)
    with pytest.raises(InputError, match=message):
        unpack_bundle(archive)


def test_encrypted_entry_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "evil.zip", {"evil/secret": b"x" * 64})
    content = archive.read_bytes()
    place = content.rindex(b"PK\x01\x02")  # the last entry of the central directory; flags follow at byte 8
    archive.write_bytes(content[: place + 8] + b"\x01\x00" + content[place + 10 :])
    with pytest.raises(InputError, match="is encrypted"):
        unpack_bundle(archive)


def test_names_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "evil.zip", {"evil/LICENSE": b"a", "evil/license": b"b"})
    with pytest.raises(InputError, match="occurs twice"):
        unpack_bundle(archive)


def test_too_many_files(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "evil.zip", {f"evil/{i}": b"" for i in range(5)})
    with pytest.raises(InputError, match="holds 6 files, more than the 5"):
        unpack_bundle(archive, max_files=5)


def test_declared_bomb_is_refused_before_unpacking(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/configs/metadata.json", "{}")
        archive.writestr("bomb/zeros", bytes(5_000_000))
    with pytest.raises(InputError, match="unpacks to 5000002 bytes, more than the 1000000"):
        unpack_bundle(tmp_path / "bomb.zip", max_bytes=1_000_000)


def test_bomb_that_lies_about_its_size_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/configs/metadata.json", "{}")
        archive.writestr("bomb/zeros", bytes(5_000_000))
    # Both headers now say 100 bytes.
    path.write_bytes(path.read_bytes().replace((5_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with pytest.raises(InputError):
        unpack_bundle(path, max_bytes=1_000_000)
    assert not list((tmp_path / "cache" / "unpacked").iterdir())


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param({"other/file": b""}, id="two_top_folders"),
        pytest.param({"file": b""}, id="file_at_the_top"),
    ],
)
def test_zip_of_something_else(entries: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one top folder"):
        unpack_bundle(write_zip(tmp_path / "other.zip", entries))


def test_zip_without_metadata(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("photos/cat.png", b"")
    with pytest.raises(InputError, match=r"holds 'configs/metadata.json'"):
        unpack_bundle(tmp_path / "other.zip")


def test_leftovers_of_a_file_manager_are_skipped(tmp_path: Path) -> None:
    root = unpack_bundle(write_zip(tmp_path / "mac.zip", {"__MACOSX/evil/x": b"", "evil/.DS_Store": b""}))
    assert [file.name for file in root.rglob("*") if file.is_file()] == ["metadata.json"]


def test_damaged_zip_leaves_nothing(bundle: Path, tmp_path: Path) -> None:
    archive = pack_bundle(bundle, tmp_path)
    content = bytearray(archive.read_bytes())
    content[content.index(b"Apache License")] ^= 1  # a flipped bit in a stored file
    archive.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        unpack_bundle(archive)
    assert not list((tmp_path / "cache" / "unpacked").iterdir())


def test_truncated_zip(bundle: Path, tmp_path: Path) -> None:
    archive = pack_bundle(bundle, tmp_path)
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"damaged or no zip|incomplete"):
        unpack_bundle(archive)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_monai_downloads_and_loads_a_packed_bundle(bundle: Path, tmp_path: Path) -> None:
    from monai.bundle import download, load

    archive = pack_bundle(bundle, tmp_path / "zips")
    download(name="tiny_dcgan", url=archive.as_uri(), bundle_dir=tmp_path / "hub", progress=False)
    check_files(tmp_path / "hub" / "tiny_dcgan")
    network = load("tiny_dcgan", bundle_dir=tmp_path / "hub", workflow_type="inference", device="cpu", source="github")
    assert type(network).__name__ == "DCGANGenerator"
