from __future__ import annotations

import pytest
import torch

from monai_gan.metrics.structure import gradient_agreement


def blobs(seed: int, dims: int = 3) -> torch.Tensor:
    noise = torch.randn(1, 1, *[20] * dims, generator=torch.Generator().manual_seed(seed))
    pool = torch.nn.functional.avg_pool2d if dims == 2 else torch.nn.functional.avg_pool3d
    return pool(noise, 5, 1)[0]


@pytest.mark.parametrize("dims", [2, 3])
def test_contrast_does_not_matter_and_structure_does(dims: int) -> None:
    image, everywhere = blobs(0, dims), torch.ones(1, *[16] * dims, dtype=torch.bool)
    assert gradient_agreement(image, image, everywhere) == pytest.approx(1, abs=1e-5)
    assert gradient_agreement(image, 3 - 2 * image, everywhere) == pytest.approx(1, abs=1e-5)
    assert gradient_agreement(image, blobs(1, dims), everywhere) < 0.7
    assert gradient_agreement(image, torch.zeros_like(image), everywhere) == 0.0


def test_angles_count_by_their_squared_cosine() -> None:
    along, across = torch.meshgrid(torch.linspace(0, 1, 10), torch.linspace(0, 1, 10), indexing="ij")
    everywhere = torch.ones(1, 10, 10, dtype=torch.bool)
    for degrees in (0.0, 30.0, 60.0, 90.0):
        angle = torch.deg2rad(torch.tensor(degrees))
        turned = along * angle.cos() + across * angle.sin()
        found = gradient_agreement(along[None], turned[None], everywhere)
        assert found == pytest.approx(float(angle.cos() ** 2), abs=1e-5)


def test_shapes_must_match() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        gradient_agreement(torch.zeros(1, 4, 4), torch.zeros(1, 4, 5))
