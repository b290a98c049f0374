"""Artificial anomalies and the body that they lie in."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from monai_gan.data import ANOMALY_KINDS, body_mask, insert_anomaly
from monai_gan.errors import InputError


def head(spatial_dims: int, level: float = 0.0, size: int = 32) -> Tensor:
    """A bright ball with texture in air."""
    grids = torch.meshgrid(*[torch.linspace(-1, 1, size)] * spatial_dims, indexing="ij")
    inside = torch.stack(grids).square().sum(0).sqrt() < 0.7
    texture = 0.3 * torch.sin(8 * grids[0]) * torch.cos(6 * grids[-1])
    return torch.where(inside, level + texture, torch.tensor(-1.0))[None]


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_body_is_found_without_holes_and_specks(spatial_dims: int) -> None:
    image = head(spatial_dims)
    truth = image > -1
    centre, corner = (slice(None), *[slice(14, 18)] * spatial_dims), (0, *[1] * spatial_dims)
    image[centre] = -1.0
    image[corner] = 1.0
    found = body_mask(image)
    assert found.dtype == torch.bool
    assert found[centre].all()
    assert not found[corner]
    assert (found ^ truth).float().mean() < 0.12


def test_air_need_not_be_black() -> None:
    image = (head(2) * 0.5 + 0.5).clamp(-0.1, 1)
    assert (body_mask(image) ^ body_mask(head(2))).float().mean() < 0.08
    assert body_mask(image, threshold=-0.5).all()


def test_body_without_an_outline_is_the_whole_image() -> None:
    for image in (torch.full((1, 8, 8), -1.0), torch.zeros(1, 8, 8)):
        assert body_mask(image).all()


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("kind", ANOMALY_KINDS)
def test_anomaly_is_inside_visible_and_repeatable(kind: Any, spatial_dims: int) -> None:
    image, donor = head(spatial_dims), head(spatial_dims, 0.5)
    for seed in range(3):
        found = insert_anomaly(image, kind, seed, donor)
        again = insert_anomaly(image, kind, seed, donor)
        assert torch.equal(found.image, again.image)
        assert found.kind == kind
        assert found.mask.any()
        assert found.mask.float().mean() < 0.15
        difference = (found.image - image).abs()
        assert difference[found.mask].min() > 0.04
        assert difference[~found.mask].max() <= 0.04 + 1e-6
        assert found.image.abs().max() <= 1
    assert not torch.equal(found.image, insert_anomaly(image, kind, 77, donor).image)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "crack"}, "kind='crack' is unknown: choose one of blob, patch, deformation"),
        ({"kind": "patch"}, "needs a donor"),
        ({"kind": "patch", "donor": torch.zeros(1, 8, 8)}, "needs a donor of the image's shape"),
        ({"kind": "blob", "image": torch.zeros(3, 8, 8)}, r"shape \(3, 8, 8\) is not possible"),
    ],
)
def test_what_cannot_be_inserted_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        insert_anomaly(**{"image": head(2), "seed": 0, **arguments})
