"""The panel of MONAIGAN in a harness: real scene and Slicer's own Python layer, stand-ins for Qt widgets of Slicer.

Needs a checkout of Slicer, named by SLICER_SOURCE_DIR. What passes here has not been seen in the desktop application.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from tiny_bundle import build_tiny_bundle
from tiny_volume_bundle import build_two_way_bundle, build_volume_bundle

pytestmark = pytest.mark.desktop

HARNESS = Path(__file__).parent / "harness" / "scenarios.py"
YARDSTICK = HARNESS.with_name("yardstick.py")
NAMES = re.findall(r"^@scenario\ndef (\w+)", HARNESS.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def reports(slicer_source: str, extension: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """What became of each scenario: None, or its traceback."""
    folder = tmp_path_factory.mktemp("desk")
    build_tiny_bundle(folder / "bundles")
    build_volume_bundle(folder / "bundles")
    built = build_two_way_bundle(folder / "two_way")
    built.rename(folder / "bundles" / "tiny_two_way")
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "HOME": str(folder),
        "OMP_NUM_THREADS": "1",
        "MONAI_GAN_BUNDLES": str(folder / "bundles"),
        "MONAI_GAN_CACHE": str(folder / "cache"),
    }
    report = folder / "report.json"
    words = [sys.executable, str(HARNESS), slicer_source, str(extension), str(folder), str(report)]
    log = folder / "log.txt"
    with log.open("w", encoding="utf-8") as stream, suppress(subprocess.TimeoutExpired):
        subprocess.run(words, env=environment, stdout=stream, stderr=stream, check=False, timeout=1500)
    text = log.read_text(encoding="utf-8", errors="replace")
    assert report.is_file(), text
    sys.stdout.write(text)
    found: dict[str, str | None] = json.loads(report.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_scenario(name: str, reports: dict[str, str | None]) -> None:
    assert name in reports, "the harness ended before this scenario"
    if (trace := reports[name]) is not None:
        pytest.fail(trace, pytrace=False)


def test_slicers_own_tests_of_its_python_layer_pass_in_the_harness(slicer_source: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = [sys.executable, str(YARDSTICK), slicer_source, str(tmp_path), str(report)]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert report.is_file(), done.stdout + done.stderr
    found: dict[str, list[int]] = json.loads(report.read_text(encoding="utf-8"))
    assert {name: failed for name, (_, failed) in found.items() if failed} == {}, done.stderr
    assert all(run > 0 for run, _ in found.values())
