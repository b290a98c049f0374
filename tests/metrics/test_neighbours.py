"""Nearest neighbours of features and, after alignment, of images."""

from __future__ import annotations

import pytest
import torch

from monai_gan.errors import InputError
from monai_gan.metrics import nearest_images, nearest_neighbours, neighbours


@pytest.mark.parametrize("block", [7, 2**23], ids=["row-by-row", "at-once"])
def test_nearest_features(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", block)
    x, y = torch.randn(9, 4) + 1e3, torch.randn(7, 4) + 1e3
    distances, places = nearest_neighbours(x, y, k=3)
    expected = torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist").sort(dim=1)
    torch.testing.assert_close(distances, expected.values[:, :3])
    assert torch.equal(places, expected.indices[:, :3])


@pytest.mark.parametrize("size", [(12, 10), (8, 9, 10)], ids=["2d", "3d"])
def test_nearest_images_without_shift_are_root_mean_squares(size: tuple[int, ...]) -> None:
    x, y = torch.randn(4, 2, *size), torch.randn(5, 2, *size)
    distances, places = nearest_images(x, y)
    expected = (x[:, None] - y[None]).square().flatten(2).mean(dim=2).sqrt().min(dim=1)
    torch.testing.assert_close(distances[:, 0], expected.values, rtol=1e-4, atol=0)
    assert torch.equal(places[:, 0], expected.indices)


@pytest.mark.parametrize("size", [(14, 12), (9, 9, 8)], ids=["2d", "3d"])
def test_a_shifted_copy_is_found(size: tuple[int, ...]) -> None:
    y = torch.randn(6, 1, *size)
    shifts = [2, -1, 1][: len(size)]
    x = y[[4, 0]].roll(shifts, dims=tuple(range(2, 2 + len(size))))
    distances, places = nearest_images(x, y, max_shift=2)
    assert places[:, 0].tolist() == [4, 0]
    assert float(distances.max()) < 1e-2
    assert float(nearest_images(x, y, max_shift=1)[0].min()) > 0.5, "one pixel is not enough"


def test_what_does_not_fit_is_refused() -> None:
    images = torch.zeros(3, 1, 8, 8)
    with pytest.raises(InputError, match="max_shift=4 does not fit images of .*; give 0 to 3 pixels"):
        nearest_images(images, images, max_shift=4)
    with pytest.raises(InputError, match="k=4 neighbours cannot be found among 3; give 1 to 3"):
        nearest_images(images, images, k=4)
    with pytest.raises(InputError, match=r"images of \(1, 8, 8\) cannot be compared with images of \(1, 8, 9\)"):
        nearest_images(images, torch.zeros(3, 1, 8, 9))
    with pytest.raises(InputError, match="y: 4 features per image, not 3"):
        nearest_neighbours(torch.zeros(3, 3), torch.zeros(3, 4))
