"""Gaussian baselines: their moments are those of the training images."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import PCAGaussian, PixelGaussian, baseline_sets


@pytest.fixture
def images() -> Tensor:
    """Images of 2 x 3 pixels that depend on each other, far from their clipping."""
    mixing = torch.randn(6, 6)
    x = torch.randn(400, 6) @ mixing * 0.05
    return torch.cat([x, torch.full((1, 6), 50.0), torch.full((1, 6), -50.0)])[:400].reshape(400, 1, 2, 3)


def covariance(images: Tensor) -> Tensor:
    return torch.cov(images.flatten(1).T)


def test_pixel_gaussian_has_mean_and_variance_of_each_pixel_and_no_structure(images: Tensor) -> None:
    found = PixelGaussian().fit(images).sample(20000)
    torch.testing.assert_close(found.mean(0), images.mean(0), rtol=0, atol=5e-3)
    torch.testing.assert_close(found.std(0), images.std(0), rtol=0.05, atol=0)
    correlation = torch.corrcoef(found.flatten(1).T) - torch.eye(6)
    assert float(correlation.abs().max()) < 0.05


@pytest.mark.parametrize("components", [None, 6], ids=["full", "all-components"])
def test_pca_gaussian_has_the_full_covariance(images: Tensor, components: int | None) -> None:
    found = PCAGaussian(components).fit(images).sample(20000)
    expected = covariance(images)
    torch.testing.assert_close(covariance(found), expected, rtol=0, atol=0.06 * float(expected.abs().max()))
    torch.testing.assert_close(found.mean(0), images.mean(0), rtol=0, atol=5e-3)


def test_few_components_keep_the_strongest_directions(images: Tensor) -> None:
    found = covariance(PCAGaussian(2).fit(images).sample(20000))
    strength = torch.linalg.eigvalsh(found).flip(0)
    expected = torch.linalg.eigvalsh(covariance(images)).flip(0)
    torch.testing.assert_close(strength[:2], expected[:2], rtol=0.1, atol=0)
    assert float(strength[2]) < 0.02 * float(expected[2])


@pytest.mark.parametrize("model", [PixelGaussian, PCAGaussian])
def test_samples_come_from_the_seed_and_stay_in_the_range(model: type[PixelGaussian] | type[PCAGaussian]) -> None:
    images = torch.rand(20, 1, 4, 5, 3) * 2 - 1
    fitted = model().fit(images)
    state = torch.get_rng_state()
    found = fitted.sample(50, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(found, fitted.sample(50, seed=1))
    assert not torch.equal(found, fitted.sample(50, seed=2))
    assert found.shape == (50, 1, 4, 5, 3)
    assert images.min() <= found.min() < found.max() <= images.max()


def test_both_by_the_name_of_their_row(images: Tensor) -> None:
    sets = baseline_sets(images, 7, seed=3)
    assert {name: tuple(x.shape) for name, x in sets.items()} == {
        "Gaussian per pixel": (7, 1, 2, 3),
        "PCA Gaussian": (7, 1, 2, 3),
    }


def test_misuse_is_refused() -> None:
    with pytest.raises(InputError, match=r"sample\(\) before fit\(\)"):
        PCAGaussian().sample(3)
    with pytest.raises(InputError, match="components=0 leaves only the mean image"):
        PCAGaussian(0)
    with pytest.raises(InputError, match="1 images are too few"):
        PixelGaussian().fit(torch.zeros(1, 1, 4, 4))
    with pytest.raises(InputError, match="NaN"):
        PixelGaussian().fit(torch.full((3, 1, 4, 4), float("nan")))
