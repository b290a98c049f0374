"""Take the files of an upload into a folder, piece by piece, within limits."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

from monai_gan.errors import InputError

#: Megabytes of one upload, all files together, unless it is said otherwise.
MEGABYTES = 512
#: Files of one upload: a DICOM series has one a slice.
MOST_FILES = 4000
#: How much larger than the limit of an upload its voxels may be, since most files are packed.
UNPACKED = 4

_NAME_LENGTH = 120


class Upload:
    """Writes the files of one upload.

    Args:
        folder: private, empty.
        limit: bytes of all files together.

    Attributes:
        files: what was written.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.files: list[Path] = []
        self._folder, self._limit, self._left = folder, limit, limit

    def check_announced(self, length: int | None) -> None:
        """Refuse an upload that says itself that it is too large.

        Args:
            length: bytes as the browser announces them, with some for the form around the files.

        Raises:
            InputError: it is too large.
        """
        if length is not None and length > self._limit + 1024 * (MOST_FILES + 1):
            raise self._too_large()

    async def take(self, name: str, pieces: AsyncIterator[bytes]) -> Path:
        """Write one file.

        Args:
            name: as the browser gives it; only what is harmless of its last part is used.
            pieces: the content.

        Returns:
            Where it lies.

        Raises:
            InputError: too many files, or too many bytes.
        """
        if len(self.files) >= MOST_FILES:
            raise InputError(f"The upload has more than {MOST_FILES} files: choose those of one series.")
        path = self._folder / f"{len(self.files):05d}" / safe_name(name)
        path.parent.mkdir()
        self.files.append(path)
        with path.open("xb") as file:
            async for piece in pieces:
                self._left -= len(piece)
                if self._left < 0:
                    raise self._too_large()
                file.write(piece)
        return path

    def _too_large(self) -> InputError:
        return InputError(
            f"The upload is larger than {self._limit / 1e6:.0f} MB: choose less, or start the viewer with a larger "
            "--max-upload."
        )


def safe_name(name: str) -> str:
    """A name for a file: the last part, letters, digits and ``._-`` only, neither hidden nor long.

    Args:
        name: of any form.
    """
    last = re.split(r"[/\\]", name)[-1]
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", last).lstrip(".")
    return plain[-_NAME_LENGTH:].lstrip(".") or "file"
