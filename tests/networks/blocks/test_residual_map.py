"""The map of what a reconstruction leaves over."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from monai_gan.networks.blocks import ResidualMap


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_default_is_the_mean_absolute_difference(spatial_dims: int) -> None:
    image, again = torch.rand(2, 3, 2, *[8] * spatial_dims)
    torch.testing.assert_close(ResidualMap()(image, again), (image - again).abs().mean(1, keepdim=True))


def test_sign_keeps_one_side() -> None:
    image, again = torch.tensor([0.5, -0.5]).reshape(1, 1, 1, 2), torch.zeros(1, 1, 1, 2)
    assert ResidualMap("bright")(image, again).flatten().tolist() == [0.5, 0.0]
    assert ResidualMap("dark")(image, again).flatten().tolist() == [0.0, 0.5]


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_residual_at_an_edge_counts_less(spatial_dims: int) -> None:
    again = torch.zeros(1, 1, *[16] * spatial_dims)
    again[..., 8:] = 1.0
    found = ResidualMap(edge_floor=0.1)(again + 0.2, again)
    line = found.flatten(0, -2)[0]
    assert line[2] == pytest.approx(0.2 / 0.1)
    # The step, smoothed over three pixels, rises by 3/8 a pixel at its foot.
    assert line[8] == pytest.approx(0.2 / (0.1 + 0.375))


def test_smoothing_keeps_the_sum_and_spreads_by_half_a_pixel() -> None:
    image = torch.zeros(1, 1, 17, 17)
    image[..., 8, 8] = 1.0
    found = ResidualMap(smoothing=2)(image, torch.zeros_like(image))[0, 0]
    rows = torch.arange(17.0) - 8
    assert found.sum() == pytest.approx(1.0)
    assert (found.sum(1) * rows.square()).sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sign": "up"}, r"sign='up' is unknown; choose one of both, bright, dark"),
        ({"edge_floor": 0.0}, r"edge_floor=0.0 is not possible: give a number above 0"),
        ({"smoothing": -1}, r"smoothing=-1 is not possible"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResidualMap(**arguments)
