"""Image sizes as a base times a power of two."""

from __future__ import annotations

import re

import numpy as np
import pytest

from monai_gan.networks.blocks import Resolution, level_widths


@pytest.mark.parametrize(
    ("size", "base", "levels"),
    [
        pytest.param(64, (4, 4), 4, id="the_papers_size"),
        pytest.param(28, (7, 7), 2, id="odd_base"),
        pytest.param(48, (3, 3), 4, id="smallest_base"),
        pytest.param(6, (3, 3), 1, id="smallest_size"),
        pytest.param((32, 64), (4, 8), 3, id="two_sizes"),
        pytest.param([24, 272], (3, 34), 3, id="long_axis_shares_the_levels_of_the_short_one"),
        pytest.param((48, 64, 48), (3, 4, 3), 4, id="volume_with_three_bases"),
        pytest.param((40, 48, 40), (5, 6, 5), 3, id="an_axis_that_could_halve_again_does_not"),
        pytest.param(np.int64(64), (4, 4), 4, id="numpy_integer"),
    ],
)
def test_base_and_levels(size, base, levels):
    resolution = Resolution.of(len(base), size)
    assert (resolution.base, resolution.levels) == (base, levels)
    assert resolution.image_size == tuple(b * 2**levels for b in base)


@pytest.mark.parametrize(
    ("size", "suggestions"),
    [
        pytest.param(50, "try 48 or 52", id="base_too_large"),
        pytest.param(63, "try 60 or 64", id="odd"),
        pytest.param(4, "try 6", id="too_small"),
        pytest.param(0, "try 6", id="zero"),
        pytest.param((50, 64), "try (48, 64) or (52, 64)", id="one_axis_of_two"),
        pytest.param(1001, "try 960 or 1024", id="large"),
    ],
)
def test_unreachable_size_names_the_nearest(size, suggestions):
    with pytest.raises(ValueError, match=re.escape(f"image_size={size} cannot be reached")) as error:
        Resolution.of(2, size)
    assert suggestions in str(error.value)


def test_suggestions_are_reachable():
    for size in range(200):
        try:
            Resolution.of(2, size)
        except ValueError as error:
            for suggestion in re.findall(r"\d+", str(error).split("try")[1]):
                Resolution.of(2, int(suggestion))


@pytest.mark.parametrize(
    ("spatial_dims", "size", "message"),
    [
        pytest.param(1, 64, "spatial_dims=1", id="signals_are_not_images"),
        pytest.param(4, 64, "spatial_dims=4", id="no_four_dimensions"),
        pytest.param("2", 64, "spatial_dims='2'", id="text"),
        pytest.param(3, (64, 64), "image_size=(64, 64) has 2 axes and spatial_dims is 3", id="axis_missing"),
    ],
)
def test_wrong_dimensions(spatial_dims, size, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Resolution.of(spatial_dims, size)


def test_widths_double_up_to_the_cap():
    assert level_widths(24, 100, 4) == [24, 48, 96, 100]
    assert level_widths(64, 32, 2) == [32, 32]
