"""The viewer as a program of its own, and what a person would see of it in Chromium."""

from __future__ import annotations

import io
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from PIL import Image

#: Seconds that anything may take: machines that test other things at the same time are slow.
PATIENCE = 180
_READY = "The viewer is at "


@dataclass
class Viewer:
    """A viewer that runs.

    Attributes:
        url: that it printed.
        process: the program.
        temporary: its folder for temporary files.
        started: monotonic seconds.
    """

    url: str
    process: subprocess.Popen[str]
    temporary: Path
    started: float

    @property
    def kept(self) -> list[str]:
        """Names of the folders in its private folder."""
        return sorted(path.name for path in self.temporary.glob("monai_gan_viewer_*/*"))


def chromium() -> str | None:
    """The program of the browser; None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@contextmanager
def running_viewer(folder: Path, *words: object, **environment: str) -> Iterator[Viewer]:
    """Start ``monai-gan view`` and end it with the signal of Ctrl-C.

    Args:
        folder: for temporary files and the cache.
        *words: after ``view``.
        **environment: variables.
    """
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    variables = {"TMPDIR": str(temporary), "MONAI_GAN_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "monai_gan", "view", *map(str, words)],
        env={**os.environ, **variables, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    try:
        said = []
        while not said or not said[-1].startswith(_READY):
            said.append(lines.get(timeout=PATIENCE))
            assert said[-1], "".join(said)
        yield Viewer(said[-1].removeprefix(_READY).strip(), process, temporary, started)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        finally:
            process.kill()


def wait_until(page: Any, condition: Callable[[], Any], what: str) -> Any:
    """Wait for what no event tells; the browser goes on meanwhile.

    Args:
        page: playwright's.
        condition: its value ends the waiting once it is true.
        what: for people, when it does not come.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        page.wait_for_timeout(100)
    raise AssertionError(f"{what} did not come within {PATIENCE} s")


def view_pictures(page: Any) -> list[np.ndarray]:
    """What each view shows now, without its frame: (rows, columns, 3) of 0 .. 255 each."""
    screen = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(float)
    boxes = [one.bounding_box() for one in page.query_selector_all(".layout-grid-item")]
    pictures = []
    for box in boxes:
        if box is not None and box["width"] > 100 and box["height"] > 100:
            x, y, width, height = (int(box[name]) for name in ("x", "y", "width", "height"))
            pictures.append(screen[y + 60 : y + height - 40, x + 30 : x + width - 10])
    return pictures


def wait_for_views(page: Any, count: int) -> list[np.ndarray]:
    """Wait until so many views are there and each shows an image: grey levels that spread.

    Args:
        page: playwright's.
        count: of views.

    Returns:
        Their pictures.
    """
    found: list[np.ndarray] = []

    def painted() -> bool:
        found[:] = view_pictures(page)
        return len(found) == count and all(picture.std() > 10 for picture in found)

    wait_until(page, painted, f"{count} painted views")
    return found


def write_head(path: Path, size: tuple[int, int, int] = (64, 80, 12), spot: bool = False) -> Path:
    """Write a head of simple shapes, T1-weighted in its looks.

    Args:
        path: file.
        size: voxels towards left, posterior, superior.
        spot: whether there is a bright spot in it.
    """
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, length) for length in size), indexing="ij")
    radius = np.sqrt((x / 0.85) ** 2 + (y / 0.9) ** 2 + (z / 1.4) ** 2)
    head = np.zeros(size, dtype=np.float32)
    head[radius < 1] = 90
    head[radius < 0.9] = 15
    head[radius < 0.82] = 60
    head[radius < 0.6] = 80
    head[(abs(abs(x) - 0.15) < 0.07) & (abs(y) < 0.3) & (abs(z) < 0.5)] = 20
    head += np.random.default_rng(0).normal(0, 1.5, size).astype(np.float32) * (head > 0)
    if spot:
        head[(x - 0.35) ** 2 + (y - 0.3) ** 2 + z**2 < 0.03] = 190
    spacing = 180 / np.array(size, dtype=float)
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    affine[:3, 3] = [90, 90, -90]
    nibabel.save(nibabel.Nifti1Image(head, affine), path)
    return path
