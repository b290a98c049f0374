"""What the page shows of results, on real MRML nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mrml_scenes import add_volume

from monai_gan.mrml import Outcome
from monai_gan.viewer.outcomes import Shown

pytest.importorskip("slicer", reason="slicer-core is not installed (there are wheels for Linux, Python 3.10-3.13)")


def ways(shown: Shown) -> list[str]:
    return [entry["value"] for entry in shown.modes]


def test_a_translation_can_be_compared_in_every_way(scene: Any) -> None:
    source, result = add_volume(scene), add_volume(scene, name="result")
    shown = Shown(source, Outcome([result], ["result"], (), {"units": "HU", "statement": "All is well."}))
    assert ways(shown) == ["input", "result", "side", "blend", "swipe"]
    assert shown.best in ways(shown)
    assert shown.gallery == []
    assert shown.regions(0.5) == []
    assert shown.span == 1.0
    assert shown.facts == [{"name": "", "text": "All is well."}, {"name": "Units", "text": "HU"}]


def test_a_map_lies_over_its_input_and_has_regions(scene: Any) -> None:
    voxels = np.zeros((8, 9, 10), dtype=np.float32)
    voxels[2:4, 3:5, 4:6] = 2
    found = add_volume(scene, voxels, name="map", affine=np.eye(4))
    shown = Shown(add_volume(scene), Outcome([found], ["anomaly map"], (), {"score": 1.25, "percentile": 99.6}), 0.9)
    assert ways(shown) == ["input", "overlay", "side"]
    assert shown.best == "overlay"
    assert shown.span == 2.0
    assert shown.regions(0.9) == [["1", "0.01", "2", "2", "4, 4, 2"]]
    assert shown.regions(2.5) == []
    assert [fact["text"] for fact in shown.facts] == ["1.25", "100"]


def test_samples_come_as_a_gallery(scene: Any) -> None:
    nodes = [add_volume(scene, np.random.default_rng(n).random((3, 8, 9)), name=f"s{n}") for n in range(3)]
    shown = Shown(None, Outcome(nodes, ["result"] * 3))
    assert ways(shown) == ["result"]
    assert [one["number"] for one in shown.gallery] == [0, 1, 2]
    assert len({one["picture"] for one in shown.gallery}) == 3
    assert all(one["picture"].startswith("data:image/png;base64,") for one in shown.gallery)
