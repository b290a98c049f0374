"""Bring a file over a connection that may break: it goes on where it stopped, and counts only with its checksum."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from monai_gan.bundle.files import sha256_of
from monai_gan.bundle.index import Release
from monai_gan.bundle.source import Interrupted, Source
from monai_gan.errors import InputError, WeightsError

_BLOCK = 1 << 16

#: Told the bytes that are there and the bytes of the whole file; it may raise to stop the transfer.
BytesProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Retry:
    """When to try again.

    Args:
        attempts: tries in a row before it is given up; one that brings new bytes starts the count anew.
        pause: seconds before the second try, doubled from try to try.
        longest: seconds that no pause exceeds.
        sleep: waits; exchanged by tests.
    """

    attempts: int = 5
    pause: float = 1.0
    longest: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, failures: int) -> None:
        """Pause after so many failures in a row."""
        self.sleep(min(self.longest, self.pause * 2.0 ** (failures - 1)))


def read_small(source: Source, name: str, limit: int, retry: Retry) -> bytes:
    """Read a small file whole.

    Args:
        source: where it lies.
        name: of the file.
        limit: most bytes that it may have.
        retry: when to try again.

    Raises:
        InputError: it cannot be had or is too large.
    """
    failures = 0
    while True:
        try:
            with source.open(name) as opened:
                content = b""
                while len(content) <= limit and (block := opened.read(_BLOCK)):
                    content += block
            if len(content) > limit:
                raise InputError(f"'{name}' of '{source.place}' has more than {limit} bytes: it is not what it claims.")
            if opened.end is not None and len(content) < opened.end:
                raise Interrupted("the connection was closed early")
            return content
        except Interrupted as error:
            failures += 1
            _give_up_or_wait(failures, retry, source, error)


def fetch(
    source: Source, release: Release, part: Path, retry: Retry | None = None, progress: BytesProgress | None = None
) -> None:
    """Bring a release's zip into ``part``, which may hold the beginning of it already.

    After any interruption, of this process too, the next call goes on with what ``part`` holds. A file with a wrong
    checksum is removed; if it was put together from several pieces, it is fetched once more from the beginning.

    Args:
        source: where it lies.
        release: its size and checksum.
        part: the file; its folder has to be there.
        retry: when to try again.
        progress: told after each block.

    Raises:
        InputError: the file cannot be had, or the folder cannot be written.
        WeightsError: what comes is not what the index says; ``part`` is removed then.
    """
    retry = retry or Retry()
    for last in (False, True):
        pieces = _fetch_once(source, release, part, retry, progress)
        if sha256_of(part) == release.sha256:
            return
        part.unlink()
        if pieces == 1 or last:
            raise WeightsError(
                f"'{release.file}' of '{source.place}' has another SHA-256 than its index says: it is damaged or was "
                "altered; ask its owner."
            )


def _fetch_once(source: Source, release: Release, part: Path, retry: Retry, progress: BytesProgress | None) -> int:
    """Fill ``part`` up to the size of the release; gives the number of pieces that it was put together from."""
    size = _size(part, release.bytes)
    pieces, failures, furthest = int(size > 0), 0, size
    while size < release.bytes:
        pieces += 1
        try:
            with source.open(release.file, size) as opened:
                if opened.end not in (None, release.bytes):
                    raise _wrong_size(source, release, part, f"{opened.end} bytes")
                pieces = pieces if opened.start else 1
                size = _append(opened.read, part, opened.start, source, release, progress)
        except Interrupted as error:
            size = _size(part, release.bytes)
            failures = 1 if size > furthest else failures + 1
            furthest = max(furthest, size)
            _give_up_or_wait(failures, retry, source, error)
    return pieces


def _append(
    read: Callable[[int], bytes],
    part: Path,
    start: int,
    source: Source,
    release: Release,
    progress: BytesProgress | None,
) -> int:
    """Write what is read behind the first ``start`` bytes; gives the size that is reached."""
    size = start
    try:
        with part.open("ab") as writer:
            writer.truncate(start)
            while block := read(_BLOCK):
                size += len(block)
                if size > release.bytes:
                    raise _wrong_size(source, release, part, "more bytes")
                writer.write(block)
                if progress is not None:
                    progress(size, release.bytes)
    except OSError as error:
        raise InputError(
            f"'{part.parent}' cannot be written ({error.strerror or error}): make room, or set MONAI_GAN_CACHE."
        ) from error
    if size < release.bytes:
        raise Interrupted("the connection was closed early")
    return size


def _size(part: Path, most: int) -> int:
    """The bytes that are there; what is longer than the file is no beginning of it."""
    size = part.stat().st_size if part.is_file() else 0
    return size if size <= most else 0


def _wrong_size(source: Source, release: Release, part: Path, found: str) -> WeightsError:
    part.unlink(missing_ok=True)
    return WeightsError(
        f"'{release.file}' of '{source.place}' has {found} where its index says {release.bytes}: it was "
        "altered; ask its owner."
    )


def _give_up_or_wait(failures: int, retry: Retry, source: Source, error: Interrupted) -> None:
    if failures >= retry.attempts:
        raise InputError(
            f"'{source.place}' cannot be read ({error}), {failures} times in a row: look at the address and the "
            "network, then run the same command again; what has arrived is kept."
        ) from error
    retry.wait(failures)
