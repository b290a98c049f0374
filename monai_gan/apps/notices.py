"""This package's own warnings, told to a person as plain sentences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_PACKAGE = Path(__file__).resolve().parents[1]


@contextmanager
def own_warnings(tell: Callable[[str], None]) -> Iterator[None]:
    """Hand over the text of this package's own warnings; those of other packages go where they always go.

    Args:
        tell: is given each text.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("always", module=r"monai_gan\.")  # each is told, also the second time
        show = warnings.showwarning

        def show_warning(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if Path(filename).is_relative_to(_PACKAGE):
                tell(str(message))
            else:
                show(message, category, filename, lineno, file, line)

        warnings.showwarning = show_warning
        yield
