"""The table of detectors: sets, figures of a small one, and what the page says of them."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from monai_gan.metrics import DetectionTruth


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    return importlib.import_module("benchmarks.anomaly")


def scene(benchmark: ModuleType) -> Any:
    """Two folds of noisy images in air, of which the odd ones have a grey spot in a dark place."""
    generator = torch.Generator().manual_seed(0)
    images = torch.full((24, 1, 16, 16), -1.0)
    images[..., 2:14, 2:8], images[..., 2:14, 8:14] = 0.6, -0.4
    images += 0.05 * torch.randn(images.shape, generator=generator)
    masks = torch.zeros(images.shape, dtype=torch.bool)
    masks[1::2, :, 6:9, 10:13] = True
    images[masks] += 0.6
    bodies = torch.zeros_like(masks)
    bodies[..., 2:14, 2:14] = True
    sets = importlib.import_module("benchmarks.anomaly_sets")
    truth = DetectionTruth(np.arange(24) % 2 == 1, (np.arange(24) // 4).tolist(), masks, bodies)
    normal = images[::2]
    folds = [
        sets.Fold(number, normal[:6], normal[6:], None, np.arange(12 * number, 12 * number + 12)) for number in range(2)
    ]
    return sets.AnomalySet("Spots", "A note.", images, truth, folds, bright=True)


def test_all_detectors_are_measured_and_compared(benchmark: ModuleType) -> None:
    data = scene(benchmark)
    makers = benchmark.simple_detectors(data)
    features = "nearest EfficientNet features"
    names = ["raw brightness", "per-pixel Gaussian", "image statistics", "nearest patches"]
    assert list(makers) == [*names, features]
    del makers[features]  # needs the extra [metrics]; tested on its own
    with torch.inference_mode():
        result, found = benchmark.measure(data, makers, {"per-pixel Gaussian": "map"}, 20)
    assert list(result["rows"]) == list(found) == names
    assert "auroc_network" in result["rows"]["per-pixel Gaussian"]
    assert "auroc_map" in result["rows"]["raw brightness"]
    assert result["rows"]["per-pixel Gaussian"]["auroc"][0] == 1.0
    assert result["rows"]["image statistics"]["pixel_average_precision"] is None
    assert result["units"] == 6
    differences = result["differences"]["per-pixel Gaussian"]
    assert differences["pixel_average_precision"]["raw brightness"][1] > 0
    assert "image statistics" not in differences["pixel_average_precision"]
    text = importlib.import_module("benchmarks.anomaly_section").section({"spots": result | {"resamplings": 20}})
    assert "### Spots" in text
    assert "| per-pixel Gaussian | 1.000 (1.000 to 1.000) |" in text
    assert "**per-pixel Gaussian**: By image AUROC it is" in text


def test_the_promised_rate_is_kept_over_random_splits(benchmark: ModuleType) -> None:
    scores = np.random.default_rng(0).gamma(2.0, size=400)
    assert abs(benchmark.false_positive_rate(scores, 0.05) - 0.05) < 0.01


def test_the_verdict_names_what_is_better(benchmark: ModuleType) -> None:
    verdict = importlib.import_module("benchmarks.anomaly_section").verdict
    differences = {"a": [0.2, 0.1, 0.3], "b": [-0.2, -0.3, -0.1], "c": [0.0, -0.1, 0.1]}
    text = verdict("GAN", {"differences": {"GAN": {"auroc": differences}}})
    assert " ".join(text.split()) == (
        "**GAN**: By image AUROC it is better than a; worse than b; not told apart from c; use b instead."
    )
    alone = verdict("GAN", {"differences": {"GAN": {"auroc": {"a": [0.2, 0.1, 0.3]}}}})
    assert alone == "**GAN**: By image AUROC it is better than all others."


def test_the_search_of_anogan_is_far_slower(benchmark: ModuleType) -> None:
    speed = importlib.import_module("benchmarks.anomaly_speed")
    from monai_gan.networks.nets import DCGANDiscriminator, DCGANEncoder, DCGANGenerator, FAnoGANNetwork

    small: dict[str, Any] = {"image_size": 12, "channels": 4, "max_channels": 8}
    parts = DCGANGenerator(2, 6, **small), DCGANEncoder(2, 6, norm="layer", **small), DCGANDiscriminator(2, **small)
    report = speed.measure(FAnoGANNetwork(*parts).eval(), torch.zeros(2, 1, 12, 12))
    assert report["ratio"] > 50
    text = importlib.import_module("benchmarks.anomaly_section").speed(
        report | {"bundle": "b", "search_steps": 500, "date": "d", "device": "c", "threads": 1, "versions": {}}
    )
    assert "times as fast" in text
