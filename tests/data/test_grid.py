"""Tiled pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_gan.data.grid import fill_rows, image_grid


def test_tiles_are_in_reading_order_and_scaled() -> None:
    images = torch.stack([torch.full((1, 2, 3), value) for value in (-1.0, 0.0, 1.0)])
    grid = image_grid(images, columns=2, padding=1)
    assert grid.shape == (5, 7)
    assert (grid[:2, :3] == 0).all()
    assert (grid[:2, 4:] == 128).all()
    assert (grid[3:, :3] == 255).all()


def test_colour_volume_and_other_ranges() -> None:
    assert image_grid(torch.zeros(4, 3, 5, 5)).shape == (12, 12, 3)
    volume = torch.zeros(1, 1, 5, 4, 4)
    volume[0, 0, 2] = 100
    assert (image_grid(volume, value_range=(0, 100)) == 255).all()
    assert image_grid(torch.full((1, 1, 2, 2), 9.0)).dtype == np.uint8


@pytest.mark.parametrize("shape", [(0, 1, 4, 4), (4, 4)], ids=["no-image", "no-channel"])
def test_what_cannot_be_shown_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot be shown"):
        image_grid(torch.zeros(shape))


def test_short_rows_are_filled_up() -> None:
    images, columns = fill_rows([torch.ones(2, 1, 1, 4, 4), torch.zeros(1, 3, 1, 4, 4)], value=-0.5)
    assert columns == 3
    assert images[:, 0, 0, 0].tolist() == [1.0, -0.5, -0.5, 1.0, -0.5, -0.5, 0.0, 0.0, 0.0]
