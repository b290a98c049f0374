"""Find bundles by path or by name."""

from __future__ import annotations

import difflib
import glob
import logging
import os
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from monai_gan.bundle.archive import packed_name, unpack_bundle
from monai_gan.bundle.cache import cache_dir
from monai_gan.bundle.files import is_bundle
from monai_gan.bundle.index import version_key
from monai_gan.bundle.info import BundleInfo, not_a_bundle
from monai_gan.errors import InputError, MonaiGanError

#: Folders that hold bundles, searched before the package's own, separated as in PATH.
BUNDLES_VARIABLE = "MONAI_GAN_BUNDLES"

_logger = logging.getLogger(__name__)


def find_bundle(name_or_path: str | os.PathLike[str]) -> Path:
    """Find a bundle.

    A path of a bundle's folder or zip comes first; a name is then searched in the folders of ``$MONAI_GAN_BUNDLES``, in
    the bundles that ship with the package, and in the cache folder. A zip is unpacked into the cache folder.

    Args:
        name_or_path: a folder, a zip, or a name such as ``"chest_xray_wgan_gp"``.

    Returns:
        The bundle's root folder.

    Raises:
        InputError: if there is none: with the nearest names and the places searched, or with what the folder lacks.
    """
    text = os.fspath(name_or_path)
    if not text.strip():
        raise InputError("The bundle's name is empty; `monai-gan list` shows the bundles that are there.")
    path = Path(text).expanduser()
    if is_bundle(path):
        return path.resolve()
    if path.is_file() and path.suffix.lower() == ".zip":
        return unpack_bundle(path)
    if len(path.parts) == 1 and path.name == text and path.suffix.lower() != ".zip":
        for root in search_roots():
            if (found := _find_in(root, text)) is not None:
                return found
        if not path.exists():
            raise InputError(_unknown(text))
    raise InputError(not_a_bundle(path))


def list_bundles(task: str | None = None) -> list[BundleInfo]:
    """All bundles that can be found by name, sorted by name; those that cannot be read are logged and left out.

    Args:
        task: only bundles of this task, for instance ``"synthesis"``.
    """
    found: dict[str, BundleInfo] = {}
    for root in search_roots():
        for name, path in _candidates(root):
            if name in found:
                continue  # hidden by one that comes earlier in the search order
            try:
                found[name] = BundleInfo.from_path(unpack_bundle(path) if path.is_file() else path)
            except MonaiGanError as error:
                _logger.warning("left out a bundle: %s", error)
    return [info for _, info in sorted(found.items()) if task is None or info.task == task]


def search_roots() -> list[Path]:
    """The folders that are searched for a name, in order; some may not exist."""
    listed = os.environ.get(BUNDLES_VARIABLE, "").split(os.pathsep)
    return [*(Path(entry).expanduser() for entry in listed if entry), *packaged_roots(), cache_dir()]


def packaged_roots() -> list[Path]:
    """The folders of the bundles that ship with the package: inside it, or beside it in a source tree."""
    roots = []
    inside = resources.files("monai_gan").joinpath("bundles")
    if isinstance(inside, Path) and inside.is_dir():
        roots.append(inside)
    checkout = Path(__file__).resolve().parents[2]
    project = checkout / "pyproject.toml"
    # The name is looked at, because a package may be installed right beside another project's files.
    if (checkout / "bundles").is_dir() and project.is_file():
        text = project.read_text(encoding="utf-8", errors="replace")
        if re.search(r'^name\s*=\s*"monai-gan"', text, re.MULTILINE):
            roots.append(checkout / "bundles")
    return roots


def is_packaged(path: Path | str) -> bool:
    """Whether a bundle ships with the package and is therefore as trustworthy as the package's code."""
    resolved = Path(path).resolve()
    return any(root.resolve() in resolved.parents for root in packaged_roots())


def _find_in(root: Path, name: str) -> Path | None:
    if is_bundle(root / name):
        return (root / name).resolve()
    if not root.is_dir():
        return None
    archives = [root / f"{name}.zip", *sorted(root.glob(f"{glob.escape(name)}_v*.zip"), key=_version, reverse=True)]
    for archive in archives:
        if archive.is_file() and packed_name(archive) == name:
            return unpack_bundle(archive)
    return None


def _candidates(root: Path) -> Iterator[tuple[str, Path]]:
    """Folders and zips of bundles in a folder: folders first, of zips the highest version first."""
    if not root.is_dir():
        return
    for child in sorted(root.iterdir()):
        if is_bundle(child):
            yield child.name, child
    for archive in sorted(root.glob("*.zip"), key=_version, reverse=True):
        name = packed_name(archive)
        if name is not None:
            yield name, archive


def _version(archive: Path) -> tuple[int, ...]:
    """The version in ``<name>_v<version>.zip``, to be sorted by."""
    return version_key(archive.stem.rpartition("_v")[2])


def _unknown(name: str) -> str:
    known = sorted({candidate for root in search_roots() for candidate, _ in _candidates(root)})
    folded = {candidate.lower(): candidate for candidate in known}
    near = [folded[match] for match in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.5)]
    places = ", ".join(f"'{root}'" for root in search_roots())
    if near:
        remedy = "did you mean " + " or ".join(f"'{match}'" for match in near) + "?"
    elif known:
        remedy = "the bundles that are there are " + ", ".join(known) + "."
    else:
        remedy = f"none is there; give a path, or set {BUNDLES_VARIABLE} to a folder of bundles."
    return f"No bundle is named '{name}' (searched in {places}): {remedy}"
