"""Bundles as zip files: packed so that the same bundle gives the same bytes, unpacked as if every zip were hostile."""

from __future__ import annotations

import io
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path, PurePosixPath

from monai_gan.atomic import write_atomic
from monai_gan.bundle.cache import cache_dir
from monai_gan.bundle.checksums import check_files, listed_files
from monai_gan.bundle.files import METADATA, sha256_of
from monai_gan.bundle.info import BundleInfo
from monai_gan.errors import InputError

#: Limits of what a bundle's zip may unpack to.
MAX_FILES = 1000
MAX_BYTES = 1 << 30

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# Added by the file managers of other systems, never part of a bundle.
_JUNK = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db"})
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that the zip format knows


def pack_bundle(path: Path | str, output_dir: Path | str) -> Path:
    """Pack a bundle into ``<name>_v<version>.zip`` with the one top folder ``<name>``, as MONAI's model zoo does.

    In go the files that its checksums list, nothing else that may lie in the folder.

    The same files give the same bytes on any machine: sorted entries, fixed times and modes, no compression (weights in
    half precision hardly shrink, and a compressor's output depends on its version).

    Args:
        path: the bundle's root.
        output_dir: where the zip goes; made if missing.

    Returns:
        The zip.

    Raises:
        InputError: if the folder is no bundle or the zip cannot be written.
        WeightsError: if the files do not match their checksums.
    """
    info = BundleInfo.from_path(path)
    if not _NAME.fullmatch(info.name) or not _NAME.fullmatch(info.version):
        raise InputError(
            f"Bundle '{info.name}', version '{info.version}', cannot be packed: use letters, digits, '_', '-' and '.'."
        )
    check_files(info.path)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted([*(str(entry["path"]) for entry in listed_files(info.path)), METADATA]):
            entry = zipfile.ZipInfo(f"{info.name}/{name}", date_time=_EPOCH)
            entry.create_system = 3  # Unix, whatever machine packs, so that the mode below is understood
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, (info.path / name).read_bytes())
    target = Path(output_dir) / f"{info.name}_v{info.version}.zip"
    write_atomic(target, buffer.getvalue())
    return target


def packed_name(path: Path) -> str | None:
    """Name of the bundle in a zip, told without unpacking it; None if it holds no bundle."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return None
    suffix = f"/{METADATA}"
    return next((n.removesuffix(suffix) for n in names if n.endswith(suffix) and n.count("/") == 2), None)


def unpack_bundle(
    path: Path | str, cache: Path | str | None = None, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES
) -> Path:
    """Unpack a bundle's zip into the cache folder, once: a zip that was unpacked before is found by its checksum.

    Args:
        path: the zip.
        cache: the cache folder, by default :func:`~monai_gan.bundle.cache.cache_dir`.
        max_bytes: most bytes that may come out.
        max_files: most files that may come out.

    Returns:
        The bundle's root in the cache.

    Raises:
        InputError: if the file is no zip of one bundle, is damaged, breaks a limit, or holds links, encrypted files or
            entries that would land outside its folder; nothing is left behind then.
    """
    source = Path(path)
    parent = Path(cache if cache is not None else cache_dir()) / "unpacked"
    temporary: Path | None = None
    try:
        with zipfile.ZipFile(source) as archive:
            entries = _checked_entries(source, archive, max_bytes, max_files)
            name = _top_folder(source, entries)
            target = parent / sha256_of(source)[:32] / name
            if target.is_dir():
                return target
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(dir=target.parent))
            left = max_bytes
            for entry in entries:
                left -= _extract(source, archive, entry, temporary, left)
        try:
            (temporary / name).replace(target)
        except OSError:
            if not target.is_dir():  # else another process was faster, with the same bytes
                raise
        return target
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(f"'{source}' is damaged or no zip archive: {error}; get it again.") from error
    except OSError as error:
        raise InputError(f"'{source}' cannot be unpacked into '{parent}': {error}; set MONAI_GAN_CACHE.") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
            with suppress(OSError):
                temporary.parent.rmdir()  # fails, as it should, when the bundle is in there


def _checked_entries(
    source: Path, archive: zipfile.ZipFile, max_bytes: int, max_files: int
) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The files to extract with their paths, after the checks that need no reading."""
    infos = archive.infolist()
    if len(infos) > max_files:
        raise InputError(
            f"'{source}' holds {len(infos)} files, more than the {max_files} of any bundle; do not use it."
        )
    if (total := sum(info.file_size for info in infos)) > max_bytes:
        raise InputError(f"'{source}' unpacks to {total} bytes, more than the {max_bytes} allowed; do not use it.")
    entries: list[tuple[zipfile.ZipInfo, PurePosixPath]] = []
    seen: set[str] = set()
    for info in infos:
        name = PurePosixPath(info.filename)
        reason = _refusal(info, name)
        if reason:
            raise InputError(f"'{source}' is not safe to unpack: its entry {info.orig_filename!r} {reason}.")
        if info.is_dir() or _JUNK.intersection(name.parts):
            continue
        folded = str(name).casefold()
        if folded in seen:
            raise InputError(f"'{source}' is not safe to unpack: its entry {info.filename!r} occurs twice.")
        seen.add(folded)
        entries.append((info, name))
    return entries


def _refusal(info: zipfile.ZipInfo, name: PurePosixPath) -> str:
    original = info.orig_filename  # zipfile turns backslashes around and cuts at NUL in the other one
    kind = stat.S_IFMT(info.external_attr >> 16)
    if name.is_absolute() or ".." in name.parts or any(character in original for character in "\\:\0"):
        return "would land outside its folder"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or special file"
    if info.flag_bits & 1:
        return "is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed in an unusual way"
    return ""


def _top_folder(source: Path, entries: list[tuple[zipfile.ZipInfo, PurePosixPath]]) -> str:
    tops = {name.parts[0] for _, name in entries if name.parts}
    top = next(iter(tops), "")
    if len(tops) != 1 or not _NAME.fullmatch(top) or PurePosixPath(top, METADATA) not in {name for _, name in entries}:
        # Also what a truncated zip looks like when it holds another zip, as torch's weights are.
        raise InputError(
            f"'{source}' is not a bundle or incomplete: a bundle's zip has one top folder that holds '{METADATA}'."
        )
    return top


def _extract(
    source: Path, archive: zipfile.ZipFile, entry: tuple[zipfile.ZipInfo, PurePosixPath], root: Path, limit: int
) -> int:
    """Write one file and return its size, counted while reading: the size that a zip declares may be a lie."""
    info, name = entry
    target = root.joinpath(*name.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with archive.open(info) as reader, target.open("wb") as writer:
        while block := reader.read(1 << 20):
            size += len(block)
            if size > limit:
                raise InputError(f"'{source}' unpacks to more bytes than allowed; do not use it.")
            writer.write(block)
    return size
