"""Detectors compared on the same images: the better one is found to be better, by patient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import (
    DetectionTruth,
    PixelDeviation,
    RawBrightness,
    detector_figures,
    paired_differences,
    pixel_threshold,
    run_detector,
)
from monai_gan.networks.nets import Detection


def scene(n: int = 40) -> tuple[Tensor, DetectionTruth]:
    """Images whose left half is bright, every second one with a grey spot in the dark half; air at the border."""
    generator = torch.Generator().manual_seed(0)
    images = torch.full((n, 1, 16, 16), -1.0)
    images[..., 2:14, 2:8], images[..., 2:14, 8:14] = 0.6, -0.4
    images += 0.05 * torch.randn(images.shape, generator=generator)
    masks = torch.zeros(images.shape, dtype=torch.bool)
    masks[::2, :, 6:9, 10:13] = True
    images[masks] += 0.5
    bodies = torch.zeros_like(masks)
    bodies[..., 2:14, 2:14] = True
    return images, DetectionTruth(np.arange(n) % 2 == 0, np.arange(n) // 4, masks, bodies)


def test_figures_tell_the_better_detector() -> None:
    images, truth = scene()
    normal = images[1::2]
    gaussian = PixelDeviation("bright").fit(normal)
    found = {"gaussian": run_detector(gaussian, images, 7), "brightness": run_detector(RawBrightness(), images)}
    assert truth.bodies is not None
    threshold = pixel_threshold(found["gaussian"].map[1::2], 0.01, truth.bodies[1::2])
    good = detector_figures(found["gaussian"], truth, threshold=threshold, n=50)
    bad = detector_figures(found["brightness"], truth, n=50)
    assert good.auroc.mean == 1.0
    assert good.pixel_average_precision is not None
    assert bad.pixel_average_precision is not None
    assert good.pixel_average_precision.mean > 0.99 > 0.2 > bad.pixel_average_precision.mean
    assert good.pixel_dice is not None
    assert good.pixel_dice > 0.8
    assert bad.pixel_dice is None
    assert good.region_overlap == pytest.approx(1.0, abs=0.02)
    difference = paired_differences(found, "gaussian", truth, n=50)["brightness"]
    assert difference.low > 0.2
    assert difference.mean == pytest.approx(good.auroc.mean - bad.auroc.mean)
    assert paired_differences(found, "gaussian", truth, pixels=True, n=20)["brightness"].low > 0.5


def test_without_masks_or_a_map_there_are_figures_of_images_alone() -> None:
    images, truth = scene()
    found = run_detector(RawBrightness(), images)
    without = detector_figures(found, DetectionTruth(truth.anomalous), n=20)
    assert without.pixel_average_precision is None
    assert detector_figures(found, truth, localises=False, n=20) == detector_figures(
        found, DetectionTruth(truth.anomalous, truth.patients), n=20
    )
    with pytest.raises(InputError, match="pixels=True needs masks"):
        paired_differences({"a": found, "b": found}, "a", DetectionTruth(truth.anomalous), pixels=True)
    with pytest.raises(InputError, match="name='c' is no detector here; there are a, b"):
        paired_differences({"a": found, "b": found}, "c", truth)


def test_pixel_threshold_marks_the_share_asked_for_in_an_average_image() -> None:
    maps = torch.rand(6, 1, 40, 40, generator=torch.Generator().manual_seed(1))
    bodies = torch.ones_like(maps, dtype=torch.bool)
    bodies[:3, :, 5:] = False
    maps[:3] += 1.0
    threshold = pixel_threshold(maps, 0.1, bodies)
    shares = [(one[body] > threshold).float().mean() for one, body in zip(maps, bodies, strict=True)]
    assert float(torch.stack(shares).mean()) == pytest.approx(0.1, abs=0.005)
    with pytest.raises(InputError, match=r"rate=0 of 6 maps gives no threshold"):
        pixel_threshold(maps, 0)
    with pytest.raises(InputError, match="of 0 maps"):
        pixel_threshold(maps[:0], 0.1)


def test_a_detection_of_many_images_is_that_of_its_batches() -> None:
    images, _ = scene(10)
    found = run_detector(RawBrightness(), images, 3)
    assert isinstance(found, Detection)
    assert [len(part) for part in found] == [10, 10, 10]
