"""A bundle is calibrated on normal images and keeps what it learns there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_detection_bundle import build_detection_bundle
from torch import Tensor

from monai_gan.apps import calibrate_detector, load
from monai_gan.bundle import verify_bundle
from monai_gan.errors import InputError


def normals(n: int = 20) -> list[Tensor]:
    """Noise between 0 and 60 to 100."""
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(1, 16, 16, generator=generator) * (60 + 2 * number) for number in range(n)]


# The spot makes edges so sharp that the image as a whole is unfamiliar, which is not what is asked here.
@pytest.mark.filterwarnings("ignore:The image lies outside of what 'tiny_detector' knows")
def test_scores_of_held_out_images_get_into_the_bundle(tmp_path: Path) -> None:
    bundle = build_detection_bundle(tmp_path, detection={"calibration": {}, "map_threshold": None, "rate": 0.01})
    block = calibrate_detector(bundle, normals(), [number // 2 for number in range(20)], "patient")
    assert block["calibration"]["image"]["n"] == 10
    assert block["rate"] is None
    detector = load(bundle)
    spot = normals(1)[0]
    spot[:, 4:7, 4:7] = 150
    usual, strange = detector(normals(21)[20] * 0.8), detector(spot)
    assert usual.is_anomalous is False
    assert strange.is_anomalous is True
    assert strange.report["false_positive_rate"] == pytest.approx(1 / 11)
    shares = [(detector(image).map > block["map_threshold"]).float().mean() for image in normals()]
    assert float(torch.stack(shares).mean()) == pytest.approx(0.01, abs=0.004)
    assert strange.regions
    with pytest.warns(UserWarning, match="outside of what 'tiny_detector' knows"):
        detector(100 + normals(1)[0])


def test_the_block_follows_the_schema(tmp_path: Path) -> None:
    bundle = build_detection_bundle(tmp_path, detection={"calibration": {}})
    calibrate_detector(bundle, normals())
    checks = {check.name: check for check in verify_bundle(bundle)}
    assert checks["extra_metadata"].ok, checks["extra_metadata"]
    assert checks["checksums"].ok


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    bundle = build_detection_bundle(tmp_path, detection={"calibration": {}})
    with pytest.raises(InputError, match=r"1 score\(s\) of 1 image\(s\) calibrate nothing"):
        calibrate_detector(bundle, normals(1))
    with pytest.raises(InputError, match=r"4 score\(s\) of 1 patient\(s\) calibrate nothing"):
        calibrate_detector(bundle, normals(4), ["a"] * 4, "patient")
    with pytest.raises(InputError, match="give its slices"):
        calibrate_detector(bundle, [torch.rand(1, 16, 16, 3)] * 3)
    assert load(bundle)(normals(1)[0]).percentile is None
