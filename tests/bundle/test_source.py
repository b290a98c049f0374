"""Where bundles can come from, and where not."""

from __future__ import annotations

from pathlib import Path

import pytest
from unreliable_server import UnreliableServer

from monai_gan.bundle.source import FolderSource, HttpSource, Interrupted, Source, open_source
from monai_gan.errors import InputError


def read(source: Source, name: str, offset: int = 0) -> tuple[int, int | None, bytes]:
    with source.open(name, offset) as opened:
        return opened.start, opened.end, opened.read(100)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_folder_and_file_address(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    (folder / "a").write_bytes(b"0123456789")
    for text in (str(folder), folder.as_uri(), f"{folder.as_uri()}/index.json", f"{folder}/"):
        assert read(open_source(text), "a", 4) == (4, 10, b"456789")


def test_server_with_and_without_ranges() -> None:
    with UnreliableServer({"a": b"0123456789"}) as server:
        source = open_source(f"{server.address}/")
        assert read(source, "a") == (0, 10, b"0123456789")
        assert read(source, "a", 4) == (4, 10, b"456789")
        server.ignore_range = True
        assert read(source, "a", 4) == (0, 10, b"0123456789")
        server.ignore_range, server.hide_length = False, True
        assert read(source, "a", 4) == (4, None, b"456789")
    assert server.requests[1] == ("a", "bytes=4-")


def test_a_range_that_is_not_there_or_another_begins_anew() -> None:
    with UnreliableServer({"a": b"0123456789"}) as server:
        assert read(open_source(server.address), "a", 20) == (0, 10, b"0123456789")
        server.wrong_range = True
        assert read(open_source(server.address), "a", 4) == (0, 10, b"0123456789")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ftp://127.0.0.1/a", "of a kind that is not read: give a folder, file://, http:// or https://"),
        ("hf://owner/name", "of a kind that is not read"),
        ("http:///a", "names no server"),
        ("file://server/share", "names another machine"),
    ],
)
def test_other_kinds_are_refused(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        open_source(text)


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (404, InputError, "has no 'a'"),
        (403, InputError, "answers 403"),
        (503, Interrupted, "answers 503"),
        (429, Interrupted, "answers 429"),
    ],
)
def test_answers_of_a_server(status: int, kind: type[Exception], reason: str) -> None:
    with UnreliableServer({"a": b""}, statuses=[status]) as server, pytest.raises(kind, match=reason):
        HttpSource(server.address).open("a")


def test_a_server_that_is_gone_is_worth_another_try() -> None:
    with UnreliableServer({}) as server:
        address = server.address
    with pytest.raises(Interrupted, match="refused"):
        HttpSource(address).open("a")


def test_redirects_stay_on_the_web() -> None:
    with UnreliableServer({"a": b"there"}) as target, UnreliableServer({}, redirect=target.address) as server:
        assert read(HttpSource(server.address), "a")[2] == b"there"
        for address in ("file:///etc", "ftp://127.0.0.1"):
            server.redirect = address
            with pytest.raises(InputError, match="an address .*that is not followed"):
                HttpSource(server.address).open("passwd")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no 'index.json': is it a folder of bundles"):
        FolderSource(tmp_path).open("index.json")
    (tmp_path / "index.json").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        FolderSource(tmp_path).open("index.json")
