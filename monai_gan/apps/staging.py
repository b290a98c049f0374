"""An output folder that receives everything at once or nothing at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from monai_gan.atomic import remove_path, replace_path
from monai_gan.errors import InputError, MonaiGanError


class OutputFolder:
    """Collects the files of a job in a hidden folder inside the output folder and moves them out when the job is done.

    As a context manager it makes the output folder, which also proves that it is writable; on the way out it removes
    the hidden folder and, after an error or a cancel, the folders that it made.

    Args:
        output: the folder that a person named; its parents are made as well.

    Attributes:
        staging: write here.
    """

    def __init__(self, output: str | Path) -> None:
        self.output = Path(output).expanduser()
        self.staging = self.output
        self._made: list[Path] = []

    def __enter__(self) -> OutputFolder:
        if self.output.exists() and not self.output.is_dir():
            raise InputError(f"output='{self.output}' is a file: choose a folder.")
        try:
            self._make(self.output)
            self.staging = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=self.output))
        except OSError as error:
            self._unmake()
            raise self._unwritable(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        shutil.rmtree(self.staging, ignore_errors=True)
        if kind is not None:
            self._unmake()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Wrap what writes into `staging`: a full disk then becomes an `InputError` that names the folder."""
        try:
            yield
        except MonaiGanError:
            raise
        except OSError as error:
            raise self._unwritable(error) from error

    def publish(self) -> list[Path]:
        """Move all files and folders to the output folder, over those of the same name.

        Returns:
            The files in their place, sorted by name.
        """
        moved: list[Path] = []
        try:
            with self.writing():
                for file in sorted(self.staging.iterdir()):
                    place = self.output / file.name
                    replace_path(file, place)
                    moved.append(place)
        except BaseException:
            for file in moved:
                remove_path(file)
            raise
        return moved

    def _make(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make(folder.parent)
        folder.mkdir()
        self._made.append(folder)

    def _unmake(self) -> None:
        for folder in reversed(self._made):
            try:
                folder.rmdir()
            except OSError:  # someone else put something into it
                return

    def _unwritable(self, error: OSError) -> InputError:
        reason = error.strerror or str(error)
        return InputError(f"output='{self.output}' cannot be written ({reason}): choose another folder or free space.")
