"""Checksums of a bundle's files: written when it is made, checked before its weights are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from monai_gan.bundle.files import METADATA, read_json, sha256_of, write_json
from monai_gan.errors import InputError, WeightsError

_REMEDY = "get the bundle again, or call monai_gan.bundle.write_checksums if you changed it on purpose."
# Top folders that runs of MONAI's tools and of the configurations write, not part of a bundle.
_OUTPUTS = frozenset({"eval", "runs", "samples"})


def bundle_files(path: Path | str) -> list[str]:
    """The files that belong to a bundle, all but its metadata, relative with forward slashes and sorted.

    Hidden files, links, ``__pycache__`` and outputs (top folders ``eval``, ``runs``, ``samples``) do not belong to it.
    """
    root = Path(path)
    names = []
    for file in root.rglob("*"):
        relative = file.relative_to(root)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
        if hidden or relative.parts[0] in _OUTPUTS:
            continue
        if file.is_file() and not file.is_symlink() and relative.as_posix() != METADATA:
            names.append(relative.as_posix())
    return sorted(names)


def listed_files(path: Path | str) -> list[Mapping[str, Any]]:
    """The entries of ``monai_gan.files`` in the metadata, each with ``path``, ``sha256`` and ``bytes``.

    Raises:
        InputError: if the metadata cannot be read.
        WeightsError: if the list is malformed or names a file outside the bundle.
    """
    root = Path(path)
    extra = read_json(root / METADATA).get("monai_gan")
    entries = extra.get("files", []) if isinstance(extra, dict) else []
    if not isinstance(entries, list):
        raise WeightsError(f"'{root / METADATA}': monai_gan.files is not a list; {_REMEDY}")
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str) or "sha256" not in entry:
            raise WeightsError(f"'{root / METADATA}': the entry {entry!r} of monai_gan.files is malformed; {_REMEDY}")
        name = PurePosixPath(entry["path"])
        if name.is_absolute() or ".." in name.parts or "\\" in entry["path"] or ":" in entry["path"]:
            raise WeightsError(f"'{root / METADATA}' lists '{name}', which lies outside the bundle; do not use it.")
    return entries


def write_checksums(path: Path | str) -> list[dict[str, Any]]:
    """Record size and SHA-256 of every file of a bundle in its metadata.

    Args:
        path: the bundle's root.

    Returns:
        The entries written under ``monai_gan.files``.

    Raises:
        InputError: if the metadata cannot be read or written.
    """
    root = Path(path)
    metadata = read_json(root / METADATA)
    entries = [
        {"path": name, "sha256": sha256_of(root / name), "bytes": (root / name).stat().st_size}
        for name in bundle_files(root)
    ]
    extra = metadata.setdefault("monai_gan", {})
    if not isinstance(extra, dict):
        raise InputError(f"'{root / METADATA}': monai_gan is {extra!r}: it must be an object, {{...}}.")
    if extra.get("files") != entries:
        extra["files"] = entries
        write_json(root / METADATA, metadata)
    return entries


def find_problems(path: Path | str, only: Iterable[str] | None = None) -> list[str]:
    """Say what is wrong with a bundle's files, one sentence each; empty when all is well.

    Args:
        path: the bundle's root.
        only: the files to look at, each of which must be listed; by default all that are listed.

    Raises:
        InputError: if the metadata cannot be read.
        WeightsError: if the list itself is malformed.
    """
    root = Path(path)
    entries = {str(entry["path"]): entry for entry in listed_files(root)}
    if not entries:
        return [f"Bundle '{root.name}' lists no checksums in '{METADATA}'; {_REMEDY}"]
    problems = []
    for name in entries if only is None else only:
        if name not in entries:
            problems.append(f"'{name}' of bundle '{root.name}' has no checksum in '{METADATA}'; {_REMEDY}")
        elif (problem := _problem(root / name, entries[name])) is not None:
            problems.append(f"'{name}' of bundle '{root.name}' {problem}; {_REMEDY}")
    return problems


def check_files(path: Path | str, only: Iterable[str] | None = None) -> None:
    """Check a bundle's files against their checksums.

    Args:
        path: the bundle's root.
        only: the files to look at, by default all that are listed.

    Raises:
        InputError: if the metadata cannot be read.
        WeightsError: naming the first file that is missing, truncated, altered or unlisted.
    """
    problems = find_problems(path, only)
    if problems:
        raise WeightsError(problems[0])


def _problem(file: Path, entry: Mapping[str, Any]) -> str | None:
    if not file.is_file():
        return "is missing"
    size, expected = file.stat().st_size, entry.get("bytes")
    if isinstance(expected, int) and size < expected:
        return f"is truncated: it has {size} of {expected} bytes"
    digest = sha256_of(file)
    if digest != str(entry["sha256"]).lower():
        return f"was altered: its sha256 is {digest[:12]}..., not {str(entry['sha256'])[:12]}..."
    return None
