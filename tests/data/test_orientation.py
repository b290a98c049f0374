from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from monai_gan.data.geometry import rescaled_affine, spacing_of
from monai_gan.data.orientation import Orientation
from monai_gan.errors import InputError

CODES = ["".join(code) for axes in itertools.permutations(("RL", "AP", "SI")) for code in itertools.product(*axes)]


def oblique(spacing: tuple[float, ...] = (1.0, 1.5, 3.0), degrees: float = 20.0) -> np.ndarray:
    """An affine turned about two axes."""
    a, b = np.radians([degrees, -0.6 * degrees])
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x @ np.diag(spacing)
    affine[:3, 3] = (-31.5, 12.25, 7.0)
    return affine


@pytest.mark.parametrize("codes", CODES)
def test_every_order_is_reached_and_led_back(codes: str) -> None:
    from nibabel import orientations

    start = oblique()
    change = orientations.ornt_transform(orientations.io_orientation(start), orientations.axcodes2ornt(codes))
    volume = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    given = np.stack([orientations.apply_orientation(channel, change) for channel in volume.numpy()])
    affine = start @ orientations.inv_ornt_aff(change, (3, 4, 5))
    assert "".join(orientations.aff2axcodes(affine)) == codes
    found = Orientation.of(affine)
    assert torch.equal(found.apply(torch.from_numpy(given.copy())), volume)
    assert np.array_equal(found.restore(volume).numpy(), given)
    np.testing.assert_allclose(found.per_named_axis(spacing_of(affine)), (1.0, 1.5, 3.0))
    assert found.per_named_axis(found.per_given_axis((1, 2, 3))) == (1, 2, 3)


def test_an_affine_without_volume_is_refused() -> None:
    with pytest.raises(InputError, match="has no volume: repair"):
        Orientation.of(np.diag([1.0, 1.0, 0.0, 1.0]))


def test_a_finer_grid_fills_the_same_box() -> None:
    affine, factors, size = oblique(), (2, 3, 1), np.array([7, 5, 4])
    finer = rescaled_affine(affine, factors)
    for corner in itertools.product((0, 1), repeat=3):
        coarse = affine @ [*(np.array(corner) * size - 0.5), 1]
        fine = finer @ [*(np.array(corner) * size * factors - 0.5), 1]
        np.testing.assert_allclose(fine, coarse, atol=1e-12)
    np.testing.assert_allclose(spacing_of(finer), (0.5, 0.5, 3.0))


def test_factors_of_one_change_nothing() -> None:
    affine = oblique()
    assert np.array_equal(rescaled_affine(affine, (1, 1, 1)), affine)
