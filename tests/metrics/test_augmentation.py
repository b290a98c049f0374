"""Classical augmentation: each part does what it says, and nothing more."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from monai_gan.metrics import ClassicalAugmentation


def spot(*position: int, side: int = 15, n: int = 64) -> Tensor:
    """Images (n, 1, side, ...) that are black but for one white voxel."""
    images = torch.full((n, 1, *[side] * len(position)), -1.0)
    images[(slice(None), 0, *position)] = 1
    return images


def augmented(images: Tensor, seed: int = 0, **parts: Any) -> Tensor:
    return ClassicalAugmentation(**parts)(images, torch.Generator().manual_seed(seed))


def centres(images: Tensor) -> Tensor:
    """Centre of mass (n, dims) of what is bright, in pixels from the middle."""
    weights = (images[:, 0] + 1).flatten(1)
    axes = [torch.arange(size) - (size - 1) / 2 for size in images.shape[2:]]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))
    return (weights / weights.sum(1, keepdim=True)) @ grid


@pytest.mark.parametrize("dims", [2, 3])
def test_nothing_asked_for_is_nothing_done(dims: int) -> None:
    images = torch.rand(4, 2, *[9] * dims) * 2 - 1
    assert torch.equal(augmented(images), images)


@pytest.mark.parametrize("dims", [2, 3])
def test_rotation_keeps_the_distance_from_the_middle(dims: int) -> None:
    turned = centres(augmented(spot(7, *[11] * (dims - 1)), rotate=30))
    before = centres(spot(7, *[11] * (dims - 1)))
    torch.testing.assert_close(turned.norm(dim=1), before.norm(dim=1), rtol=0.03, atol=0.05)
    angles = torch.acos((turned * before).sum(1) / turned.norm(dim=1) / before.norm(dim=1)) * 180 / torch.pi
    assert angles.max() > 20
    if dims == 2:
        assert angles.max() < 31


def test_shift_is_a_share_of_the_side() -> None:
    moved = centres(augmented(spot(7, 7), shift=0.2))
    assert 2.5 < moved.abs().max() <= 3.01
    assert moved.amin() < -2 < 2 < moved.amax(), "in both directions"


def test_scale_moves_away_from_the_middle_or_towards_it() -> None:
    distances = centres(augmented(spot(7, 11), scale=0.2))[:, 1] / 4
    assert 1.1 < distances.max() <= 1 / 0.8 + 0.01
    assert 0.9 > distances.min() >= 1 / 1.2 - 0.01


def test_mirror_turns_about_half_of_the_images() -> None:
    images = spot(7, 11)
    mirrored = augmented(images, mirror=True)
    turned = (mirrored == images.flip(-1)).flatten(1).all(1)
    assert ((mirrored == images).flatten(1).all(1) ^ turned).all()
    assert 20 < turned.sum() < 44


def test_values_stay_in_range() -> None:
    images = torch.rand(32, 1, 8, 8) * 2 - 1
    changed = augmented(images, contrast=0.5, brightness=0.5, noise=0.2)
    assert changed.abs().max() <= 1
    flat = torch.zeros(4096, 1, 2, 2)
    bright = augmented(flat, brightness=0.3).flatten(1)
    assert (bright.std(1) == 0).all(), "one offset per image"
    assert bright.abs().max() == pytest.approx(0.3, abs=0.01)
    assert augmented(flat, noise=0.1).std() == pytest.approx(0.1, rel=0.05)
    assert augmented(flat + 0.5, contrast=0.2).max() == pytest.approx(0.6, abs=0.01)


def test_numbers_come_from_the_generator_alone() -> None:
    everything = {"rotate": 10, "scale": 0.1, "shift": 0.1, "mirror": True, "contrast": 0.1, "noise": 0.1}
    images = torch.rand(4, 1, 8, 8) * 2 - 1
    first = augmented(images, 3, **everything)
    torch.rand(7)
    assert torch.equal(augmented(images, 3, **everything), first)
    assert not torch.equal(augmented(images, 4, **everything), first)
