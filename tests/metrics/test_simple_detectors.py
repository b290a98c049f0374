"""The simple detectors find what they can find, each image on its own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import ImageStatistics, NearestFeatures, PixelDeviation, RawBrightness, SimpleDetector

DETECTORS = [RawBrightness, PixelDeviation, ImageStatistics, NearestFeatures]


def normals(n: int, spatial_dims: int, seed: int = 0) -> Tensor:
    """Smooth waves of varying phase with a little noise."""
    generator = torch.Generator().manual_seed(seed)
    phase = torch.rand(n, *[1] * (spatial_dims + 1), generator=generator)
    grid = torch.linspace(0, 6, 16).reshape(16, *[1] * (spatial_dims - 1))
    waves = 0.5 * torch.sin(grid + phase).expand(n, 1, *[16] * spatial_dims)
    return waves + 0.02 * torch.randn(waves.shape, generator=generator)


def anomalous(spatial_dims: int) -> Tensor:
    images = normals(4, spatial_dims, seed=1)
    images[(..., *[slice(6, 9)] * spatial_dims)] = 0.95
    return images


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("kind", DETECTORS)
def test_a_bright_spot_is_found_where_it_is(kind: type[SimpleDetector], spatial_dims: int) -> None:
    detector = kind().fit(normals(20, spatial_dims))
    usual, strange = detector.detect(normals(4, spatial_dims, seed=2)), detector.detect(anomalous(spatial_dims))
    assert strange.score.min() > usual.score.max()
    assert strange.map.shape == strange.reconstruction.shape == (4, 1, *[16] * spatial_dims)
    spot = (slice(None), 0, *[slice(6, 9)] * spatial_dims)
    if detector.localises:
        assert strange.map[spot].mean() > 1.8 * strange.map.mean()


@pytest.mark.parametrize("kind", DETECTORS)
def test_scores_do_not_depend_on_the_batch(kind: type[SimpleDetector]) -> None:
    detector = kind().fit(normals(20, 2))
    images = torch.cat([normals(2, 2, seed=3), anomalous(2)])
    alone = torch.cat([detector.detect(image[None]).score for image in images])
    torch.testing.assert_close(detector.detect(images).score, alone, rtol=1e-4, atol=1e-5)


def test_deviation_of_one_sign_and_of_a_pixel_that_never_changes() -> None:
    detector = PixelDeviation("bright").fit(torch.zeros(3, 1, 4, 4))
    dark, bright = detector.detect(torch.full((1, 1, 4, 4), -0.1)), detector.detect(torch.full((1, 1, 4, 4), 0.1))
    assert dark.score == 0
    assert bright.map.unique().item() == pytest.approx(2.0)
    with pytest.raises(ValueError, match="sign='dark' is unknown"):
        PixelDeviation("dark")


def test_features_of_a_network_can_be_compared() -> None:
    torch.manual_seed(0)
    network = torch.nn.Conv2d(1, 6, 3, stride=2, padding=1)
    detector = NearestFeatures(network, bank_size=50).fit(normals(10, 2))
    assert isinstance(detector, NearestFeatures)
    assert detector.bank.shape == (50, 6)
    assert detector.detect(anomalous(2)).score.min() > detector.detect(normals(4, 2, seed=2)).score.max()


@pytest.mark.parametrize("kind", DETECTORS)
def test_what_shows_no_variation_is_refused(kind: type[SimpleDetector]) -> None:
    with pytest.raises(InputError, match=r"1 image\(s\) show no variation"):
        kind().fit(normals(1, 2))
    with pytest.raises(InputError, match="not finite|NaN"):
        kind().fit(torch.full((3, 1, 4, 4), float("nan")))


def test_a_constant_image_has_a_finite_score() -> None:
    for kind in DETECTORS:
        score = kind().fit(normals(10, 2)).detect(torch.zeros(1, 1, 16, 16)).score
        assert score.isfinite().all()
