"""The report of the demo."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_gan.apps.demo import DemoTraining
from monai_gan.apps.demo_report import NEXT_COMMANDS, distance_chart, write_report
from monai_gan.errors import InputError


@pytest.fixture
def training() -> DemoTraining:
    picture = np.zeros((8, 8), np.uint8)
    return DemoTraining(picture, picture, picture, [(0, 0.8), (20, 0.4), (40, 0.1)], 0.05, 40, 12.3)


def test_report_stands_alone(tmp_path: Path, training: DemoTraining) -> None:
    Image.fromarray(np.full((4, 4), 7, np.uint8)).save(tmp_path / "grid.png")
    report = write_report(tmp_path / "new" / "report.html", {"a<b": tmp_path / "grid.png"}, training)
    page = report.read_text()
    sources = re.findall(r'src="([^"]{0,30})', page)
    assert len(sources) == 4
    assert all(source.startswith("data:image/png;base64,") for source in sources), "nothing is loaded from outside"
    assert "a&lt;b" in page
    assert "from <b>0.80</b> to <b>0.10</b>" in page
    assert all(command.split(" -o")[0] in page for command in NEXT_COMMANDS)
    assert [file.name for file in report.parent.iterdir()] == ["report.html"]


def test_chart_falls_from_left_to_right() -> None:
    chart = distance_chart([(0, 0.8), (20, 0.4), (40, 0.2)], 0.05)
    points = re.findall(r'<polyline points="([^"]+)" fill="none" stroke="#0b6bcb"', chart)[0]
    x, y = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
    assert list(x) == sorted(x)
    assert list(y) == sorted(y), "a smaller distance is drawn lower, where y is larger"


def test_folder_that_cannot_be_written_is_named(tmp_path: Path, training: DemoTraining) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/report.html' cannot be written"):
        write_report(tmp_path / "file" / "report.html", {}, training)
