"""Get a bundle by name from a place with an index, checked and all at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monai_gan.bundle.archive import MAX_BYTES, unpack_bundle
from monai_gan.bundle.cache import cache_dir
from monai_gan.bundle.checksums import check_files
from monai_gan.bundle.files import sha256_of
from monai_gan.bundle.index import INDEX, BundleIndex, Release
from monai_gan.bundle.info import BundleInfo
from monai_gan.bundle.source import Source, open_source
from monai_gan.bundle.transfer import BytesProgress, Retry, fetch, read_small
from monai_gan.errors import InputError, WeightsError

_MAX_INDEX = 4 << 20


def read_index(source: str | Path, retry: Retry | None = None) -> BundleIndex:
    """Read which bundles a place offers.

    Args:
        source: a folder, or an address that begins with ``file://``, ``http://`` or ``https://``.
        retry: when to try again.

    Raises:
        InputError: the place cannot be reached, or its index is none or of another schema version.
    """
    return _read_index(open_source(source), retry or Retry())


def download_bundle(
    name: str,
    source: str | Path,
    version: str | None = None,
    *,
    cache: Path | str | None = None,
    retry: Retry | None = None,
    progress: BytesProgress | None = None,
    max_bytes: int = MAX_BYTES,
) -> Path:
    """Download a bundle into the cache folder, where it is found by its name afterwards.

    The zip is compared with the size and the SHA-256 of the index, unpacked with the checks of
    :func:`~monai_gan.bundle.unpack_bundle`, and its files are compared with their own checksums, before it takes its
    place as ``<name>_v<version>.zip``. A download that was interrupted goes on where it stopped. A version that is
    there already is not downloaded again.

    Checksums from the same place guard against accidents, not against its owner: a bundle from outside stays untrusted,
    and over ``http://`` others on the way could alter both.

    Args:
        name: of the bundle.
        source: a folder, or an address that begins with ``file://``, ``http://`` or ``https://``.
        version: of the bundle; by default the highest.
        cache: the cache folder, by default :func:`~monai_gan.bundle.cache_dir`.
        retry: when to try again.
        progress: told the bytes that are there and the size of the zip, after each block; it may raise to stop.
        max_bytes: largest zip that is fetched, and most bytes that may come out of it.

    Returns:
        The bundle's root.

    Raises:
        InputError: the place cannot be reached or has no such bundle, the zip is too large, unsafe or no bundle, or the
            cache folder cannot be written.
        WeightsError: the zip or a file in it does not match its checksum.
    """
    retry = retry or Retry()
    place = open_source(source)
    release = _read_index(place, retry).choose(name, version)
    if release.bytes > max_bytes:
        raise InputError(
            f"'{release.file}' of '{place.place}' has {release.bytes} bytes, more than the {max_bytes} allowed; "
            "do not use it."
        )
    store = Path(cache if cache is not None else cache_dir())
    # Not the name that the index gives the file: this is the one by which it is found.
    target = store / f"{release.name}_v{release.version}.zip"
    with _alone(store / "downloads", release) as part:
        if not (target.is_file() and sha256_of(target) == release.sha256):
            fetch(place, release, part, retry, progress)
            root = _unpack(part, release, store, max_bytes)
            try:
                part.replace(target)
            except OSError as error:
                raise InputError(f"'{target}' cannot be written ({error.strerror}): set MONAI_GAN_CACHE.") from error
            return root
    return _unpack(target, release, store, max_bytes)


def _read_index(place: Source, retry: Retry) -> BundleIndex:
    return BundleIndex.parse(read_small(place, INDEX, _MAX_INDEX, retry), place.place)


@contextmanager
def _alone(folder: Path, release: Release) -> Iterator[Path]:
    """Give the file for what has arrived so far, which no other process writes to meanwhile."""
    from filelock import FileLock, Timeout

    part = folder / f"{release.sha256}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{part}.lock", blocking=False):
            yield part
    except Timeout as error:
        raise InputError(f"Another process is downloading '{release.file}': wait for it, then try again.") from error
    except OSError as error:
        raise InputError(f"'{folder}' cannot be written ({error.strerror}): set MONAI_GAN_CACHE.") from error


def _unpack(archive: Path, release: Release, store: Path, max_bytes: int) -> Path:
    """Unpack and check a zip; one that does not hold what it should is removed."""
    try:
        root = unpack_bundle(archive, store, max_bytes=max_bytes)
        try:
            _check(root, release)
        except Exception:
            shutil.rmtree(root.parent, ignore_errors=True)
            raise
        return root
    except Exception as error:
        if not isinstance(error.__cause__, OSError):  # a full disk says nothing against the zip
            archive.unlink(missing_ok=True)
        raise


def _check(root: Path, release: Release) -> None:
    info = BundleInfo.from_path(root)
    if (info.name, info.version) != (release.name, release.version):
        raise WeightsError(
            f"'{release.file}' holds '{info.name}' {info.version}, not '{release.name}' {release.version} as its index "
            "says; ask its owner."
        )
    check_files(root)
