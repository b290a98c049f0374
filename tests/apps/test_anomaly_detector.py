"""A detector judges images of any grid; with a black reconstruction maps are the brightness, so results are known."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Orientation
from tiny_detection_bundle import CALIBRATION, build_detection_bundle
from torch import Tensor

from monai_gan.apps import AnomalyDetector, load
from monai_gan.data import ProfileLimits, Provenance
from monai_gan.errors import Cancelled, InputError


@pytest.fixture
def detector(tmp_path: Path) -> AnomalyDetector:
    found = load(build_detection_bundle(tmp_path))
    assert isinstance(found, AnomalyDetector)
    return found


def picture(level: float = 60.0, size: tuple[int, int] = (16, 16)) -> Tensor:
    """A ramp from 0 to a level, in image units."""
    return torch.linspace(0, level, size[0] * size[1]).reshape(1, *size)


def volume(codes: str = "RAS", spacing: tuple[float, float, float] = (2.0, 2.0, 5.0)) -> MetaTensor:
    """Dark noise with a bright box on the left, at the front, in slices 5 to 7; of 24 x 20 x 10 voxels in RAS."""
    values = 20 * torch.rand(1, 24, 20, 10, generator=torch.Generator().manual_seed(0))
    values[:, 4:8, 12:18, 5:8] = 180.0
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (-24.0, -18.0, 7.0)
    image = MetaTensor(values, affine=torch.from_numpy(affine), meta={"filename_or_obj": "/scans/head.nii.gz"})
    return Orientation(axcodes=codes, labels=None)(image)  # type: ignore[no-untyped-call, return-value]


def test_a_picture_gets_a_map_of_its_size_and_a_score_with_its_meaning(detector: AnomalyDetector) -> None:
    image = picture()
    result = detector(image)
    torch.testing.assert_close(result.map.as_tensor(), image / 100, atol=1e-5, rtol=0)
    assert result.score == pytest.approx(float((image / 100).flatten().topk(3).values.mean()))
    assert (result.percentile, result.p_value) == (pytest.approx(5 / 9 * 100, abs=0.01), 0.5)
    assert result.threshold == pytest.approx(0.9)
    assert result.is_anomalous is False
    assert result.report["statement"].startswith("The score is within the normal range: 56 %")
    assert result.report["n_calibration"] == 9
    assert result.report["unit"] == "patient"
    assert detector(picture(150)).is_anomalous is True
    assert detector(picture(150)).report["statement"].startswith("The score lies above the threshold")
    origin = Provenance.from_dict(result.provenance.to_dict())
    assert origin.task == "anomaly_detection"


def test_a_picture_without_a_body_has_nothing_that_is_anomalous(tmp_path: Path) -> None:
    detector = load(build_detection_bundle(tmp_path, detection={"body_threshold": "auto"}))
    image = torch.zeros(1, 16, 16)
    image[0, 8, 8] = 150
    with pytest.warns(UserWarning, match="No body was found"):
        result = detector(image)
    assert result.score == 0
    assert not result.map.any()


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SAL", "PIR"])
def test_regions_of_a_volume_are_found_where_they_are_in_any_orientation(detector: AnomalyDetector, codes: str) -> None:
    image = volume(codes)
    result = detector(image)
    assert result.map.shape == image.shape
    torch.testing.assert_close(result.map.affine, image.affine)
    (region,) = result.regions
    assert region["centroid_mm"] == pytest.approx([-24 + 2 * 5.5, -18 + 2 * 14.5, 7 + 5 * 6], abs=1.5)
    # The box is 4 x 6 x 3 voxels of 0.02 ml; smoothing over slices and resampling move its border a little.
    assert region["volume_ml"] == pytest.approx(4 * 6 * 3 * 0.02, rel=0.35)
    assert 0.9 < region["mean_score"] <= 1.8
    assert len(result.slices) == 10
    axial = [entry["score"] for entry in result.slices]
    assert int(np.argmax(axial)) in (5, 6, 7)
    assert result.score == pytest.approx(max(axial), rel=0.05)


def test_a_volume_is_not_judged_by_a_calibration_of_slices(detector: AnomalyDetector, tmp_path: Path) -> None:
    result = detector(volume())
    assert (result.percentile, result.p_value, result.threshold, result.is_anomalous) == (None,) * 4
    assert "no calibration of volumes: see the slices" in result.report["statement"]
    assert [entry["is_anomalous"] for entry in result.slices] == [False] * 5 + [True] * 3 + [False] * 2
    both = {"image": CALIBRATION, "volume": CALIBRATION | {"unit": "volume"}}
    judged = load(build_detection_bundle(tmp_path, "both", detection={"calibration": both}))(volume())
    assert judged.is_anomalous is True
    assert judged.report["unit"] == "volume"


def test_results_do_not_depend_on_the_batch_and_repeat(detector: AnomalyDetector) -> None:
    first, second, third = detector(volume(), batch_size=1), detector(volume(), batch_size=16), detector(volume())
    assert torch.equal(first.map.as_tensor(), second.map.as_tensor())
    assert first.score == second.score == third.score
    assert first.slices == second.slices


def test_proportions_are_kept_and_air_is_added(tmp_path: Path) -> None:
    detector = load(build_detection_bundle(tmp_path, detection={"orientation": None}))
    image = torch.full((1, 8, 32), 100.0)
    image[..., 0] = 0
    result = detector(image)
    assert result.map.shape == image.shape
    assert result.map[..., 4:].min() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("threshold", [-0.8, "auto"])
def test_outside_of_the_body_nothing_is_anomalous(tmp_path: Path, threshold: float | str) -> None:
    detector = load(build_detection_bundle(tmp_path, detection={"body_threshold": threshold}))
    image = torch.zeros(1, 16, 16)
    image[:, 4:12, 4:12] = 150
    image[:, 0, 0] = 10
    result = detector(image)
    assert result.map[0, 0, 0] == 0
    assert result.map[0, 8, 8] == pytest.approx(1.5)


def test_spacing_that_is_unknown_gives_no_millilitres(detector: AnomalyDetector) -> None:
    image = picture(150)
    (region,) = detector(image).regions
    assert region["voxels"] > 0
    assert (region["volume_ml"], region["centroid_mm"]) == (None, None)
    plane = MetaTensor(image, affine=torch.from_numpy(volume("LPS").affine.numpy()))
    assert detector(plane).regions[0]["volume_ml"] is not None


def test_a_network_of_volumes_works_at_its_spacing(tmp_path: Path) -> None:
    detector = load(build_detection_bundle(tmp_path, spatial_dims=3, image_size=32))
    image = volume("LPS", (1.0, 1.0, 2.0))
    result = detector(image)
    assert result.map.shape == image.shape
    assert result.slices == []
    assert result.is_anomalous is False
    assert result.report["unit"] == "patient"
    (region,) = result.regions
    assert region["centroid_mm"] == pytest.approx([-24 + 5.5, -18 + 14.5, 7 + 2 * 6], abs=0.6)
    with pytest.raises(InputError, match="larger than the network's field of 32 x 32 x 32 mm: crop it"):
        detector(volume(spacing=(2.0, 2.0, 5.0)))
    with pytest.raises(InputError, match="single slice.*works on volumes"):
        detector(picture())


def test_images_outside_of_what_is_known_are_told(tmp_path: Path) -> None:
    limits = ProfileLimits({"foreground_median": (0.0, 0.2)}).as_dict()
    detector = load(build_detection_bundle(tmp_path, familiar=limits))
    with pytest.warns(UserWarning, match="outside of what 'tiny_detector' knows, T1-weighted MR"):
        result = detector(picture(190))
    assert len(result.report["warnings"]) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert detector(picture(30)).report["warnings"] == []


def test_units_without_a_meaning_are_scaled_by_the_image(tmp_path: Path) -> None:
    detector = load(build_detection_bundle(tmp_path, detection={"percentile": 99.5}))
    once, twice = detector(picture(60)), detector(picture(120))
    torch.testing.assert_close(once.map.as_tensor(), twice.map.as_tensor())
    eight_bit = detector(picture(60).to(torch.uint8))
    assert eight_bit.map.max() == pytest.approx(0.6)


@pytest.mark.parametrize("rate", [0.01, 1.5])
def test_rates_that_cannot_be_promised_are_refused(detector: AnomalyDetector, rate: float) -> None:
    with pytest.raises(InputError, match=r"cannot be promised by 9 patients: give at least 1 / \(9 \+ 1\) = 0.1"):
        detector(picture(), rate=rate)
    assert detector(picture(88), rate=0.2).is_anomalous is True


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.full((1, 16, 16), 7.0), "value 7 everywhere"),
        (torch.rand(3, 16, 16), "3 channels"),
        (torch.rand(16, 16), r"shape \(16, 16\)"),
        (torch.tensor([[[0.0, float("nan")], [1.0, 2.0]]]), "NaN or infinite"),
    ],
)
def test_images_that_cannot_be_judged_are_refused(detector: AnomalyDetector, image: Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        detector(image)


def test_slices_of_another_plane_and_volumes_for_pictures_are_refused(
    detector: AnomalyDetector, tmp_path: Path
) -> None:
    sagittal = MetaTensor(picture(), affine=torch.tensor([[0.0, 0, 1, 0], [0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]]))
    with pytest.raises(InputError, match="slice of another plane"):
        detector(sagittal)
    flat = load(build_detection_bundle(tmp_path, "flat", detection={"orientation": None}))
    assert flat(sagittal).map.shape == (1, 16, 16)
    with pytest.raises(InputError, match="takes single images"):
        flat(volume())


def test_bundles_that_do_not_say_how_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not say how images are fed"):
        load(build_detection_bundle(tmp_path, "none", intensity=None))
    with pytest.raises(InputError, match="calibration lacks 'units'"):
        load(build_detection_bundle(tmp_path, "half", detection={"calibration": {"image": {"scores": [1, 2]}}}))
    uncalibrated = load(build_detection_bundle(tmp_path, "raw", detection={"calibration": {}, "map_threshold": None}))
    result = uncalibrated(picture())
    assert (result.percentile, result.regions) == (None, [])
    assert result.report["statement"] == "'raw' has no calibration of its scores."


def test_a_job_can_be_cancelled_and_followed(detector: AnomalyDetector) -> None:
    seen: list[Any] = []
    detector(volume(), batch_size=2, progress=seen.append)
    assert [round(step.fraction, 6) for step in seen][-1] == 1.0
    with pytest.raises(Cancelled):
        detector(volume(), cancel=lambda: True)
