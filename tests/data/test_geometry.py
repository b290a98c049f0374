"""The affine of images without geometry, and the swap of a 2-D image's axes."""

from __future__ import annotations

import numpy as np
import pytest

from monai_gan.data.geometry import PICTURE_AFFINE, default_affine, swap_plane
from monai_gan.errors import InputError


@pytest.mark.parametrize(
    ("dims", "spacing", "lengths"),
    [
        pytest.param(3, [0.5, 0.75, 3.0], [0.5, 0.75, 3.0], id="volume"),
        pytest.param(2, [0.2, 0.4], [0.2, 0.4, 1.0], id="picture"),
        pytest.param(2, None, [1.0, 1.0, 1.0], id="unknown"),
    ],
)
def test_default_affine_has_the_voxel_size(dims: int, spacing: list[float] | None, lengths: list[float]) -> None:
    affine = default_affine(dims, spacing)
    np.testing.assert_allclose(np.linalg.norm(affine[:3, :3], axis=0), lengths)
    np.testing.assert_array_equal(np.sign(affine), np.sign(PICTURE_AFFINE if dims == 2 else np.eye(4)))


@pytest.mark.parametrize("spacing", [[1.0], [1.0, 1.0, 1.0], [1.0, 0.0]], ids=["too_few", "too_many", "zero"])
def test_spacing_that_does_not_fit_is_refused(spacing: list[float]) -> None:
    with pytest.raises(InputError, match=r"spacing_mm=.* does not fit 2 dimensions"):
        default_affine(2, spacing)


def test_default_affine_is_the_callers_own() -> None:
    default_affine(2)[0, 0] = 5
    assert default_affine(2)[0, 0] == 0


def test_swapped_axes_keep_every_voxel_in_its_place() -> None:
    image, affine = np.arange(6).reshape(1, 2, 3), np.diag([2.0, 3.0, 4.0, 1.0])
    turned, matrix = swap_plane(image, affine)
    assert turned[0, 2, 1] == image[0, 1, 2]
    np.testing.assert_allclose(matrix @ [2, 1, 0, 1], affine @ [1, 2, 0, 1])
