"""Truncated k-space is what a smaller matrix measures, on a grid that covers the same box."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, CopyItemsd
from nibabel.affines import apply_affine

from monai_gan.errors import InputError
from monai_gan.transforms import KSpaceTruncate, KSpaceTruncated


def wave(position: torch.Tensor) -> torch.Tensor:
    """Periodic over 48 voxels, with frequencies that survive a factor of 4."""
    turn = 2 * torch.pi * position / 48
    return 0.7 + torch.cos(5 * turn + 0.3) + 0.5 * torch.sin(2 * turn)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_low_frequencies_are_sampled_at_the_centres_of_the_large_voxels(factor: int) -> None:
    fine = wave(torch.arange(48, dtype=torch.float64))
    coarse = wave(torch.arange(48 // factor) * factor + (factor - 1) / 2)
    for axis in range(3):
        shape = [-1 if i == axis else 1 for i in range(3)]
        factors = [factor if i == axis else 1 for i in range(3)]
        result = KSpaceTruncate(factors)(fine.reshape(1, *shape).expand(2, *shape))
        torch.testing.assert_close(result.as_tensor()[0].flatten(), coarse.float(), rtol=0, atol=1e-5)


def test_high_frequencies_are_gone_and_the_mean_stays() -> None:
    high = torch.cos(torch.pi * torch.arange(32.0) * 30 / 32)
    assert KSpaceTruncate(2)(high[None]).abs().max() < 1e-5
    noise = torch.randn(1, 16, 12, 8)
    torch.testing.assert_close(KSpaceTruncate(4)(noise).as_tensor().mean(), noise.mean(), rtol=0, atol=1e-6)


def test_corners_stay_where_they_are_on_an_oblique_grid() -> None:
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = rotation * [0.9, 1.1, 3.0], [-40.0, 12.5, 7.0]
    fine = MetaTensor(torch.rand(1, 12, 8, 6), affine=affine)
    coarse = KSpaceTruncate((2, 4, 1))(fine)

    def corners(image: MetaTensor) -> np.ndarray:
        ends = [(-0.5, size - 0.5) for size in image.shape[1:]]
        return apply_affine(image.affine.numpy(), np.stack(np.meshgrid(*ends, indexing="ij"), -1).reshape(-1, 3))

    np.testing.assert_allclose(corners(coarse), corners(fine), atol=1e-4)
    torch.testing.assert_close(coarse.pixdim, fine.pixdim * torch.tensor([2, 4, 1]))


def test_pairs_for_training_come_from_one_image() -> None:
    pairs = Compose([CopyItemsd("target", names="image"), KSpaceTruncated("image", 2)])
    sample = pickle.loads(pickle.dumps(pairs))({"target": torch.rand(1, 8, 8)})
    assert sample["target"].shape == (1, 8, 8)
    assert sample["image"].shape == (1, 4, 4)
    assert set(KSpaceTruncated("image", 2, allow_missing_keys=True)({"other": 1})) == {"other"}


def test_bad_factors_are_named() -> None:
    with pytest.raises(InputError, match="factor=0 is not possible"):
        KSpaceTruncate(0)
    with pytest.raises(InputError, match=r"factor=\(2, 2\) has 2 numbers for an image of 3 axes"):
        KSpaceTruncate((2, 2))(torch.zeros(1, 4, 4, 4))
    with pytest.raises(InputError, match="5 voxels along axis 1, no multiple of factor=2"):
        KSpaceTruncate(2)(torch.zeros(1, 4, 5))
