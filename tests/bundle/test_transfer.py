"""A transfer goes on after every kind of interruption, and only the right bytes count."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from unreliable_server import UnreliableServer

from monai_gan.bundle.index import Release
from monai_gan.bundle.source import open_source
from monai_gan.bundle.transfer import Retry, fetch, read_small
from monai_gan.errors import InputError, WeightsError

CONTENT = bytes(range(256)) * 1200  # 300 kB: several blocks
RELEASE = Release("a", "1", "a.zip", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def retry(pauses: list[float]) -> Retry:
    """Three tries whose pauses are written down in place of being waited for."""
    return Retry(attempts=3, sleep=pauses.append)


def run(server: UnreliableServer, part: Path, retry: Retry, **options: Any) -> list[str | None]:
    """Fetch the file and give the ranges that were asked for."""
    fetch(open_source(server.address), RELEASE, part, retry, **options)
    assert part.read_bytes() == CONTENT
    return [wanted for _, wanted in server.requests]


def test_whole_file_with_progress(tmp_path: Path, retry: Retry) -> None:
    told: list[tuple[int, int]] = []
    with UnreliableServer({"a.zip": CONTENT}) as server:
        assert run(server, tmp_path / "part", retry, progress=lambda *pair: told.append(pair)) == [None]
    assert told == sorted(told)
    assert told[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize("hide_length", [False, True])
def test_dropped_connections_go_on_where_they_stopped(
    tmp_path: Path, retry: Retry, pauses: list[float], hide_length: bool
) -> None:
    drops: list[int | None] = [150_000, 50_000, 1]
    with UnreliableServer({"a.zip": CONTENT}, drops=drops, hide_length=hide_length) as server:
        ranges = run(server, tmp_path / "part", retry)
    assert ranges == [None, "bytes=150000-", "bytes=200000-", "bytes=200001-"]
    assert pauses == [1.0, 1.0, 1.0]  # each try brought something


def test_a_server_without_ranges_begins_anew(tmp_path: Path, retry: Retry) -> None:
    with UnreliableServer({"a.zip": CONTENT}, drops=[150_000], ignore_range=True) as server:
        assert run(server, tmp_path / "part", retry) == [None, "bytes=150000-"]


def test_a_server_that_always_drops_is_given_up(tmp_path: Path, retry: Retry, pauses: list[float]) -> None:
    drops: list[int | None] = [100] * 10
    with (
        UnreliableServer({"a.zip": CONTENT}, drops=drops, ignore_range=True) as server,
        pytest.raises(InputError, match=r"closed early.*3 times in a row.*what has arrived is kept"),
    ):
        run(server, tmp_path / "part", retry)
    assert len(server.requests) == 3
    assert pauses == [1.0, 2.0]
    assert (tmp_path / "part").stat().st_size == 100


def test_pauses_grow_up_to_the_longest(pauses: list[float]) -> None:
    retry = Retry(pause=1, longest=5, sleep=pauses.append)
    for failures in range(1, 6):
        retry.wait(failures)
    assert pauses == [1, 2, 4, 5, 5]


def test_a_busy_server_is_asked_again(tmp_path: Path, retry: Retry, pauses: list[float]) -> None:
    with UnreliableServer({"a.zip": CONTENT}, statuses=[503, 429]) as server:
        run(server, tmp_path / "part", retry)
    assert pauses == [1.0, 2.0]


def test_what_an_earlier_process_left_is_used(tmp_path: Path, retry: Retry) -> None:
    (tmp_path / "part").write_bytes(CONTENT[:1000])
    with UnreliableServer({"a.zip": CONTENT}) as server:
        assert run(server, tmp_path / "part", retry) == ["bytes=1000-"]


def test_a_complete_file_is_not_fetched_again(tmp_path: Path, retry: Retry) -> None:
    (tmp_path / "part").write_bytes(CONTENT)
    with UnreliableServer({"a.zip": CONTENT}) as server:
        assert run(server, tmp_path / "part", retry) == []


@pytest.mark.parametrize(
    ("kept", "ranges"),
    [(b"other" * 100, ["bytes=500-", None]), (CONTENT + b"more", [None])],
    ids=["another_beginning", "too_long"],
)
def test_a_beginning_that_does_not_belong_is_replaced(
    tmp_path: Path, retry: Retry, kept: bytes, ranges: list[str | None]
) -> None:
    (tmp_path / "part").write_bytes(kept)
    with UnreliableServer({"a.zip": CONTENT}) as server:
        assert run(server, tmp_path / "part", retry) == ranges


@pytest.mark.parametrize("drops", [[], [1000], [1000, None, 1000]], ids=["whole", "once", "again"])
def test_a_wrong_checksum_is_refused_and_removed(tmp_path: Path, retry: Retry, drops: list[int | None]) -> None:
    with (
        UnreliableServer({"a.zip": CONTENT[:-1] + b"!"}, drops=drops) as server,
        pytest.raises(WeightsError, match="another SHA-256 than its index says"),
    ):
        run(server, tmp_path / "part", retry)
    assert list(tmp_path.iterdir()) == []
    assert len(server.requests) <= 4


@pytest.mark.parametrize("hide_length", [False, True])
def test_more_than_the_index_says_is_stopped(tmp_path: Path, retry: Retry, hide_length: bool) -> None:
    told: list[int] = []
    large = CONTENT + bytes(10_000_000)
    with (
        UnreliableServer({"a.zip": large}, hide_length=hide_length) as server,
        pytest.raises(WeightsError, match=r"has (more|10307200) bytes where its index says 307200"),
    ):
        run(server, tmp_path / "part", retry, progress=lambda done, _: told.append(done))
    assert max(told, default=0) <= len(CONTENT)
    assert list(tmp_path.iterdir()) == []


def test_less_than_the_index_says_is_refused_at_once(tmp_path: Path, retry: Retry, pauses: list[float]) -> None:
    with UnreliableServer({"a.zip": b"short"}) as server, pytest.raises(WeightsError, match="has 5 bytes where"):
        run(server, tmp_path / "part", retry)
    assert pauses == []


def test_an_interruption_by_the_caller_keeps_what_has_arrived(tmp_path: Path, retry: Retry) -> None:
    def stop(done: int, _: int) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    part = tmp_path / "part"
    with UnreliableServer({"a.zip": CONTENT}) as server:
        with pytest.raises(KeyboardInterrupt):
            run(server, part, retry, progress=stop)
        kept = part.stat().st_size
        assert part.read_bytes() == CONTENT[:kept]
        assert kept > 100_000
        assert run(server, part, retry) == [None, f"bytes={kept}-"]


def test_a_full_disk_is_told(tmp_path: Path, retry: Retry) -> None:
    (tmp_path / "part").mkdir()
    with UnreliableServer({"a.zip": CONTENT}) as server, pytest.raises(InputError, match="MONAI_GAN_CACHE"):
        run(server, tmp_path / "part", retry)


def test_small_files_are_whole_and_small(retry: Retry, pauses: list[float]) -> None:
    with UnreliableServer({"i.json": b"{}", "i.zip": b"0123456789"}, statuses=[503], drops=[4]) as server:
        source = open_source(server.address)
        assert read_small(source, "i.json", 2, retry) == b"{}"
        assert read_small(source, "i.zip", 10, retry) == b"0123456789"
        with pytest.raises(InputError, match="more than 9 bytes"):
            read_small(source, "i.zip", 9, retry)
    assert pauses == [1.0, 1.0]
