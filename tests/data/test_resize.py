"""Resizing is antialiased in both dimensionalities and keeps the type."""

from __future__ import annotations

import pytest
import torch

from monai_gan.data.resize import resize


@pytest.mark.parametrize("dims", [2, 3])
def test_shrinking_a_checkerboard_gives_grey_not_aliases(dims: int) -> None:
    grid = torch.meshgrid(*[torch.arange(32)] * dims, indexing="ij")
    board = (sum(grid) % 2).float()[None]
    small = resize(board, (8,) * dims)
    assert small.shape == (1, *(8,) * dims)
    assert torch.allclose(small, torch.full_like(small, 0.5), atol=0.05)


def test_axes_are_not_mixed_up_in_3d() -> None:
    ramp = torch.arange(8.0)
    for axis, size in enumerate([(4, 6, 10), (10, 4, 6), (6, 10, 4)]):
        shape = [1, 1, 1]
        shape[axis] = 8
        volume = ramp.reshape(1, *shape).expand(2, 8, 8, 8)
        result = resize(volume, size)
        assert result.shape == (2, *size)
        other = [a + 1 for a in range(3) if a != axis]
        assert float(result.std(dim=other).max()) < 1e-5
        line = result.mean(dim=other)[0]
        assert (line.diff() > 0).all()


def test_integers_stay_integers() -> None:
    image = torch.full((1, 9, 9), 77, dtype=torch.uint8)
    result = resize(image, (4, 4))
    assert result.dtype == torch.uint8
    assert (result == 77).all()


def test_same_size_is_returned_as_it_is() -> None:
    image = torch.rand(1, 4, 4)
    assert resize(image, (4, 4)) is image
