"""A bundle arrives whole, checked and under its name, or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from unreliable_server import UnreliableServer

from monai_gan.bundle import (
    BundleInfo,
    Retry,
    check_files,
    download_bundle,
    find_bundle,
    pack_bundle,
    push_bundle,
    read_index,
)
from monai_gan.errors import InputError, WeightsError

Make = Callable[..., Path]
RETRY = Retry(attempts=3, sleep=lambda _: None)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def offered(bundle: Path, tmp_path: Path) -> Path:
    """A folder that offers the tiny bundle."""
    push_bundle(bundle, tmp_path / "offered")
    return tmp_path / "offered"


def served(folder: Path, **options: Any) -> UnreliableServer:
    return UnreliableServer({file.name: file.read_bytes() for file in folder.iterdir()}, **options)


def cached(tmp_path: Path) -> list[str]:
    """What is in the cache, without the locks and the folders that only hold other things."""
    root = tmp_path / "cache"
    files = (file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file())
    return sorted(name for name in files if not name.endswith(".lock"))


def offer(tmp_path: Path, name: str, content: bytes, version: str = "0.1.0", **changes: Any) -> Path:
    """A folder that offers any bytes as a bundle's zip."""
    folder = tmp_path / "offered"
    folder.mkdir(exist_ok=True)
    file = f"{name}_v{version}.zip"
    (folder / file).write_bytes(content)
    entry = {"file": file, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), **changes}
    document = {"schema_version": 1, "bundles": {name: {version: entry}}}
    (folder / "index.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize("kind", ["folder", "file", "http"])
def test_a_bundle_is_found_by_name_afterwards(offered: Path, tmp_path: Path, kind: str) -> None:
    with served(offered) as server:
        source = {"folder": str(offered), "file": offered.as_uri(), "http": server.address}[kind]
        root = download_bundle("tiny_dcgan", source, retry=RETRY)
    check_files(root)
    assert find_bundle("tiny_dcgan") == root
    assert BundleInfo.from_path(root).version == "0.1.0"
    assert root.is_relative_to(tmp_path / "cache")
    assert "tiny_dcgan_v0.1.0.zip" in cached(tmp_path)
    assert not [name for name in cached(tmp_path) if name.startswith("downloads/")]


def test_highest_version_or_the_one_asked_for(make_bundle: Make, tmp_path: Path) -> None:
    for version in ("0.9.0", "0.10.0"):
        push_bundle(make_bundle(version, version=version), tmp_path / "offered")
    old = download_bundle("tiny_dcgan", tmp_path / "offered", "0.9.0")
    new = download_bundle("tiny_dcgan", tmp_path / "offered")
    assert [BundleInfo.from_path(root).version for root in (old, new)] == ["0.9.0", "0.10.0"]
    assert find_bundle("tiny_dcgan") == new
    assert list(read_index(tmp_path / "offered").releases["tiny_dcgan"]) == ["0.9.0", "0.10.0"]


def test_what_is_there_is_not_fetched_again_but_unpacked_again(offered: Path, tmp_path: Path) -> None:
    with served(offered) as server:
        root = download_bundle("tiny_dcgan", server.address)
        shutil.rmtree(tmp_path / "cache" / "unpacked")
        assert download_bundle("tiny_dcgan", server.address) == root
    assert root.is_dir()
    assert [name for name, _ in server.requests] == ["index.json", "tiny_dcgan_v0.1.0.zip", "index.json"]


def test_an_altered_zip_in_the_cache_is_replaced(offered: Path, tmp_path: Path) -> None:
    download_bundle("tiny_dcgan", offered)
    (tmp_path / "cache" / "tiny_dcgan_v0.1.0.zip").write_bytes(b"altered")
    check_files(download_bundle("tiny_dcgan", offered))
    whole = (offered / "tiny_dcgan_v0.1.0.zip").read_bytes()
    assert (tmp_path / "cache" / "tiny_dcgan_v0.1.0.zip").read_bytes() == whole


@pytest.mark.parametrize("ignore_range", [False, True], ids=["with_ranges", "without_ranges"])
def test_connections_that_break_half_way(offered: Path, ignore_range: bool) -> None:
    half = (offered / "tiny_dcgan_v0.1.0.zip").stat().st_size // 2
    with served(offered, drops=[half], ignore_range=ignore_range) as server:
        check_files(download_bundle("tiny_dcgan", server.address, retry=RETRY))
    assert server.requests[1:] == [("tiny_dcgan_v0.1.0.zip", None), ("tiny_dcgan_v0.1.0.zip", f"bytes={half}-")]


def test_the_same_command_goes_on_after_giving_up(offered: Path, tmp_path: Path) -> None:
    half = (offered / "tiny_dcgan_v0.1.0.zip").stat().st_size // 2
    with served(offered, drops=[half, 0, 0]) as server:
        with pytest.raises(InputError, match="run the same command again"):
            download_bundle("tiny_dcgan", server.address, retry=RETRY)
        (part,) = cached(tmp_path)
        assert part.startswith("downloads/")
        with pytest.raises(InputError, match="No bundle is named"):
            find_bundle("tiny_dcgan")
        check_files(download_bundle("tiny_dcgan", server.address, retry=RETRY))
    assert server.requests[-1][1] == f"bytes={half}-"


def test_a_wrong_checksum_leaves_nothing(offered: Path, tmp_path: Path) -> None:
    path = offered / "tiny_dcgan_v0.1.0.zip"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with served(offered) as server, pytest.raises(WeightsError, match="another SHA-256 than its index says"):
        download_bundle("tiny_dcgan", server.address, retry=RETRY)
    assert cached(tmp_path) == []


def hostile_zip(path: Path, **entries: bytes) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("evil/configs/metadata.json", '{"version": "0.1.0"}')
        for name, content in entries.items():
            archive.writestr(name, content)
    return path.read_bytes()


def test_a_zip_that_leaves_its_folder_leaves_nothing(tmp_path: Path) -> None:
    content = hostile_zip(tmp_path / "evil.zip", **{"evil/../../../../outside.txt": b"gotcha"})
    with served(offer(tmp_path, "evil", content)) as server, pytest.raises(InputError, match="outside its folder"):
        download_bundle("evil", server.address, retry=RETRY)
    assert cached(tmp_path) == []
    assert not list(tmp_path.rglob("outside.txt"))


def test_a_zip_without_a_bundle_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="damaged or no zip"):
        download_bundle("evil", offer(tmp_path, "evil", b"no zip"))
    assert cached(tmp_path) == []


def test_limits_of_size(tmp_path: Path, offered: Path) -> None:
    with served(offered) as server:
        with pytest.raises(InputError, match="more than the 1000 allowed"):
            download_bundle("tiny_dcgan", server.address, max_bytes=1000)
        assert [name for name, _ in server.requests] == ["index.json"]
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/configs/metadata.json", '{"version": "0.1.0"}')
        archive.writestr("bomb/zeros", bytes(5_000_000))
    folder = offer(tmp_path, "bomb", (tmp_path / "bomb.zip").read_bytes())
    with pytest.raises(InputError, match="unpacks to .* more than the 1000000"):
        download_bundle("bomb", folder, max_bytes=1_000_000)
    assert cached(tmp_path) == []


def test_a_zip_of_another_bundle_or_version_is_refused(bundle: Path, tmp_path: Path) -> None:
    content = pack_bundle(bundle, tmp_path).read_bytes()
    for name, version in (("other", "0.1.0"), ("tiny_dcgan", "0.2.0")):
        with pytest.raises(WeightsError, match=f"holds 'tiny_dcgan' 0.1.0, not '{name}' {version}"):
            download_bundle(name, offer(tmp_path, name, content, version))
    assert cached(tmp_path) == []


def test_a_bundle_whose_own_checksums_fail_is_refused(tmp_path: Path) -> None:
    content = hostile_zip(tmp_path / "evil.zip", **{"evil/models/model.pt": b"weights"})
    with pytest.raises(WeightsError, match="lists no checksums"):
        download_bundle("evil", offer(tmp_path, "evil", content))
    assert cached(tmp_path) == []


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ('{"schema_version": 2, "bundles": {}}', "schema version 2, and this monai-gan reads 1"),
        ("<html>", "not valid JSON"),
        (" " * (5 << 20), "more than 4194304 bytes"),
    ],
    ids=["newer", "web_page", "too_large"],
)
def test_an_index_that_is_none(tmp_path: Path, document: str, reason: str) -> None:
    with UnreliableServer({"index.json": document.encode()}) as server, pytest.raises(InputError, match=reason):
        download_bundle("tiny_dcgan", server.address, retry=RETRY)
    assert cached(tmp_path) == []


def test_a_place_without_an_index(tmp_path: Path) -> None:
    with UnreliableServer({}) as server, pytest.raises(InputError, match="is it a place of bundles"):
        download_bundle("tiny_dcgan", server.address, retry=RETRY)
    with pytest.raises(InputError, match="is it a folder of bundles"):
        download_bundle("tiny_dcgan", tmp_path)


def test_an_entry_whose_zip_is_missing(offered: Path, tmp_path: Path) -> None:
    (offered / "tiny_dcgan_v0.1.0.zip").unlink()
    with served(offered) as server, pytest.raises(InputError, match=r"has no 'tiny_dcgan_v0.1.0.zip'"):
        download_bundle("tiny_dcgan", server.address, retry=RETRY)
    assert cached(tmp_path) == []


def test_a_server_that_is_gone_is_named_after_some_tries(tmp_path: Path) -> None:
    waited: list[float] = []
    with UnreliableServer({}) as server:
        address = server.address
    with pytest.raises(InputError, match=rf"'{address}' cannot be read .*5 times in a row"):
        download_bundle("tiny_dcgan", address, retry=Retry(sleep=waited.append))
    assert waited == [1, 2, 4, 8]


def test_two_processes_do_not_write_one_file(offered: Path, tmp_path: Path) -> None:
    release = read_index(offered).choose("tiny_dcgan")
    (tmp_path / "cache" / "downloads").mkdir(parents=True)
    lock = tmp_path / "cache" / "downloads" / f"{release.sha256}.part.lock"
    with FileLock(lock), pytest.raises(InputError, match="Another process is downloading 'tiny_dcgan_v0.1.0.zip'"):
        download_bundle("tiny_dcgan", offered)
    check_files(download_bundle("tiny_dcgan", offered))


def test_a_cache_that_cannot_be_written(offered: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="set MONAI_GAN_CACHE"):
        download_bundle("tiny_dcgan", offered, cache=tmp_path / "file")


def test_a_full_disk_while_unpacking_keeps_the_zip(
    offered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("monai_gan.bundle.archive._extract", full)
    with pytest.raises(InputError, match="No space left"):
        download_bundle("tiny_dcgan", offered)
    monkeypatch.undo()
    (part,) = tmp_path.rglob("*.part")
    assert part.read_bytes() == (offered / "tiny_dcgan_v0.1.0.zip").read_bytes()


def test_the_same_place_serves_monai(offered: Path, tmp_path: Path) -> None:
    from monai.bundle import download

    zip_name = read_index(offered).choose("tiny_dcgan").file
    with served(offered) as server:
        download(name="tiny_dcgan", url=f"{server.address}/{zip_name}", bundle_dir=tmp_path / "hub", progress=False)
    check_files(tmp_path / "hub" / "tiny_dcgan")
