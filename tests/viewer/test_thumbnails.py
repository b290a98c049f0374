"""Small pictures lie the way radiologists look at them."""

from __future__ import annotations

import numpy as np
import pytest

from monai_gan.viewer.thumbnails import axial_slice, grey_levels


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, 1), (1, -1, -1)], ids=["RAS", "LPS", "mixed"])
def test_the_axial_slice_is_upright_whatever_the_axes(signs: tuple[int, int, int]) -> None:
    volume = np.zeros((3, 4, 5))  # (x, y, z) towards right, anterior, superior
    volume[2, 3, 2] = 1  # right and anterior in the middle slice
    affine = np.diag([*signs, 1.0])
    turned = volume[:: signs[0], :: signs[1], :: signs[2]]
    picture = axial_slice(turned.transpose(2, 1, 0), affine)
    assert picture.shape == (4, 3)
    assert picture[0, 0] == 1  # anterior up, the patient's right on the left


def test_grey_levels_span_the_range_and_bear_a_constant() -> None:
    levels = grey_levels(np.arange(1000.0).reshape(20, 50))
    assert (levels.min(), levels.max(), levels.dtype) == (0, 255, np.uint8)
    assert grey_levels(np.full((3, 3), 7)).max() == 0
