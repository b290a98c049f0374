"""What the page offers, and the request that the choices become."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiny_bundle import build_tiny_bundle
from tiny_detection_bundle import build_detection_bundle
from tiny_style_bundle import build_style_bundle
from tiny_volume_bundle import build_volume_bundle

from monai_gan.apps.request import check_request
from monai_gan.viewer.tasks import TASKS, Choices, bundle_entries, offers


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of each task, found before those of the package."""
    folder = tmp_path / "bundles"
    for build in (build_tiny_bundle, build_style_bundle, build_detection_bundle, build_volume_bundle):
        build(folder)
    monkeypatch.setenv("MONAI_GAN_BUNDLES", str(folder))
    return folder


def test_bundles_are_listed_by_task_and_only_with_weights(bundles: Path) -> None:
    names = {task: [entry["value"] for entry in bundle_entries(task)] for task in TASKS}
    assert {"tiny_dcgan", "tiny_style", "chest_xray_wgan_gp"} <= set(names["synthesis"])
    assert "tiny_translator" in names["translation"]
    assert "tiny_detector" in names["anomaly_detection"]
    assert "head_mr_to_ct_cyclegan" not in names["translation"]


def test_a_bundle_is_asked_only_for_what_it_can_do(bundles: Path) -> None:
    assert offers("tiny_style")["directions"] == ["contrast", "grain"]
    assert offers("tiny_dcgan")["directions"] == []
    assert offers("tiny_dcgan")["truncation"]
    assert not offers("tiny_translator")["truncation"]
    assert not offers("tiny_translator")["uncertainty"]
    assert offers("brain_t1_to_t2_pix2pix")["card"]["limits"]
    assert offers("") == {"card": {}, "labels": [], "directions": [], "truncation": False, "uncertainty": False}


def test_choices_of_a_synthesis_become_a_request(bundles: Path, tmp_path: Path) -> None:
    pytest.importorskip("slicer", reason="slicer-core is not installed")
    choices = Choices("synthesis", "tiny_style", seed=3, count=2, truncation=0.5, direction="grain", strength=-1.5)
    assert choices.refusal() == ""
    assert choices.cautions() == []
    request = check_request({**choices.request(tmp_path), "output": str(tmp_path)})
    expected = {"n": 2, "seed": 3, "truncation": 0.5, "direction": "grain", "strength": -1.5, "format": "nii.gz"}
    assert {name: request[name] for name in expected} == expected
    plain = Choices("synthesis", "tiny_dcgan", strength=2.0, label="old").request(tmp_path)
    assert {"direction", "strength", "label", "input"}.isdisjoint(plain)


def test_what_is_missing_is_said_before_the_start(bundles: Path) -> None:
    assert "no bundle with weights" in Choices("translation", "").refusal()
    assert Choices("translation", "tiny_translator").refusal() == "Choose an input volume."


def test_listing_bundles_loads_no_framework() -> None:
    code = "import sys; from monai_gan.viewer.tasks import bundle_entries, offers; bundle_entries('translation');"
    code += "offers('brain_t1_to_t2_pix2pix'); print([m for m in ('torch', 'monai') if m in sys.modules])"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "[]"
