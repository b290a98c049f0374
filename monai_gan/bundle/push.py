"""Offer a bundle in a folder with an index, which any web server can serve."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from monai_gan.atomic import atomic_path, write_atomic
from monai_gan.bundle.archive import pack_bundle
from monai_gan.bundle.files import sha256_of
from monai_gan.bundle.index import INDEX, BundleIndex, Release
from monai_gan.bundle.info import BundleInfo
from monai_gan.errors import InputError


def push_bundle(bundle: Path | str, folder: Path | str) -> Release:
    """Pack a bundle into a folder and enter it into the folder's ``index.json``, which is made when missing.

    The zip comes first and the index last, each in one step, so that a reader never finds an entry without its zip.
    The same bundle can be pushed again, without effect; a version that is there with another content is refused.

    Args:
        bundle: the bundle's root.
        folder: made if missing.

    Returns:
        The entry of the index.

    Raises:
        InputError: the folder is no bundle, the index cannot be read or written, or has that version with another
            content.
        WeightsError: the bundle's files do not match their checksums.
    """
    from filelock import FileLock, Timeout

    info = BundleInfo.from_path(bundle)
    place = Path(folder).expanduser()
    with tempfile.TemporaryDirectory() as temporary:
        packed = pack_bundle(info.path, temporary)
        release = Release(info.name, info.version, packed.name, sha256_of(packed), packed.stat().st_size)
        try:
            place.mkdir(parents=True, exist_ok=True)
            with FileLock(place / f".{INDEX}.lock", blocking=False):
                index = _read_index(place)
                index.add(release)
                with atomic_path(place / packed.name) as target:
                    shutil.copyfile(packed, target)
                write_atomic(place / INDEX, index.to_json().encode())
        except Timeout as error:
            raise InputError(f"Another process is writing to '{place}': wait for it, then try again.") from error
        except OSError as error:
            raise InputError(
                f"'{place}' cannot be written ({error.strerror or error}): choose a folder that you may write to."
            ) from error
    return release


def _read_index(place: Path) -> BundleIndex:
    path = place / INDEX
    return BundleIndex.parse(path.read_bytes(), str(place)) if path.exists() else BundleIndex(str(place))
