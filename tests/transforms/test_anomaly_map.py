"""Anomaly maps in a pipeline are those of the detector, from a bundle or a network."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data.dataset import CacheDataset
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Compose, ScaleIntensityRanged
from tiny_detection_bundle import build_detection_bundle
from torch import Tensor, nn

from monai_gan.apps import load
from monai_gan.errors import InputError
from monai_gan.networks.nets import ReconstructionNetwork
from monai_gan.transforms import AnomalyMap, AnomalyMapd


def picture() -> MetaTensor:
    values = torch.linspace(0, 150, 256).reshape(1, 16, 16)
    return MetaTensor(values, affine=torch.diag(torch.tensor([-1.0, -1.0, 1.0, 1.0])))


def black() -> ReconstructionNetwork:
    layer = nn.Conv2d(1, 1, 1)
    nn.init.zeros_(layer.weight)
    nn.init.constant_(layer.bias, -1.0)  # type: ignore[arg-type]
    return ReconstructionNetwork(layer)


def test_a_bundle_gives_the_map_and_the_meaning_of_the_detector(tmp_path: Path) -> None:
    bundle = build_detection_bundle(tmp_path)
    expected = load(bundle)(picture(), rate=0.2)
    result = AnomalyMap(bundle, rate=0.2)(picture())
    assert isinstance(result, MetaTensor)
    assert torch.equal(result.as_tensor(), expected.map.as_tensor())
    torch.testing.assert_close(result.affine, picture().affine)
    found = result.meta["anomaly"]
    assert (found["score"], found["is_anomalous"]) == (expected.score, True)
    assert found["report"] == expected.report


def test_a_network_gives_its_map_and_score() -> None:
    image = torch.rand(1, 8, 8) * 2 - 1
    result = AnomalyMap(black())(image)
    torch.testing.assert_close(torch.as_tensor(result).as_subclass(Tensor), image + 1)
    wide = AnomalyMap(black(), value_range=(0, 200))(np.full((1, 8, 8), 50.0, np.float32))
    assert float(wide.mean()) == pytest.approx(0.5)


def test_values_of_the_pipeline_are_told_by_their_range(tmp_path: Path) -> None:
    bundle = build_detection_bundle(tmp_path)
    scaled = MetaTensor(picture().as_tensor() / 200, affine=picture().affine)
    torch.testing.assert_close(
        AnomalyMap(bundle, value_range=(0, 1))(scaled).as_tensor(),  # type: ignore[attr-defined]
        AnomalyMap(bundle)(picture()).as_tensor(),  # type: ignore[attr-defined]
    )


def test_dictionary_form_keeps_the_image_and_can_be_cached_and_pickled(tmp_path: Path) -> None:
    bundle = build_detection_bundle(tmp_path)
    scale = ScaleIntensityRanged("image", 0, 200, -1, 1)
    chain = Compose([AnomalyMapd("image", bundle), scale])
    data = CacheDataset([{"image": picture()}], chain, progress=False)
    sample = data[0]
    assert set(sample) == {"image", "image_anomaly"}
    assert sample["image"].max() < 1
    assert sample["image_anomaly"].max() == pytest.approx(1.5)
    again = pickle.loads(pickle.dumps(AnomalyMapd("image", bundle, output_keys="map")))({"image": picture()})
    assert torch.equal(again["map"], sample["image_anomaly"])


def test_what_cannot_detect_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Conv2d, no detector"):
        AnomalyMap(nn.Conv2d(1, 1, 1))
    with pytest.raises(InputError, match=r"rate=0.1 is for a bundle"):
        AnomalyMap(black(), rate=0.1)
    with pytest.raises(InputError, match="2 names for 1 keys"):
        AnomalyMapd("image", black(), output_keys=("a", "b"))
    with pytest.raises(InputError, match="No bundle is named 'no_such_detector'"):
        AnomalyMap("no_such_detector")
    with pytest.raises(KeyError, match="image"):
        AnomalyMapd("image", black())({})
    assert AnomalyMapd("image", black(), allow_missing_keys=True)({}) == {}
