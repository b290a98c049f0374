"""The map to model range and its inverse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_gan.data import IntensityScale
from monai_gan.errors import InputError


@pytest.mark.parametrize(
    ("low", "high"), [(0, 255), (0, 65535), (-1024, 3071)], ids=["8_bit", "16_bit", "hounsfield_12_bit"]
)
def test_every_integer_comes_back_exactly(low: int, high: int) -> None:
    values = torch.arange(low, high + 1)
    scale = IntensityScale(low, high)
    model = scale.to_model(values)
    assert model.min() == -1
    assert model.max() == 1
    assert torch.equal(scale.to_image(model).round().long(), values)


def test_values_outside_are_clipped() -> None:
    assert IntensityScale(-100, 100).to_model(torch.tensor([-500.0, 0.0, 500.0])).tolist() == [-1, 0, 1]


def test_input_is_not_changed() -> None:
    image = torch.tensor([1.0, 2.0])
    scale = IntensityScale(0, 4)
    scale.to_model(image)
    scale.to_image(image)
    assert image.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("low", "high", "bits"),
    [
        pytest.param(0, 255, 8, id="bytes"),
        pytest.param(0, 4095, 16, id="12_bit"),
        pytest.param(-1000, 1000, 0, id="below_zero"),
        pytest.param(0, 70_000, 0, id="beyond_16_bit"),
        pytest.param(0, 10, 0, id="rounding_would_be_seen"),
    ],
)
def test_bits_of_a_png_that_keeps_the_units(low: int, high: int, bits: int) -> None:
    assert IntensityScale(low, high).png_bits == bits


def test_dictionary_round_trip_keeps_units() -> None:
    scale = IntensityScale(-1000, 400, "HU")
    assert IntensityScale.from_dict(scale.as_dict() | {"other": 1}) == scale


def test_8_bit_images_keep_their_whole_range() -> None:
    assert IntensityScale.from_images(np.array([[3, 9]], dtype=np.uint8)) == IntensityScale(0, 255)


def test_other_images_are_measured_by_percentiles() -> None:
    values = np.linspace(0, 1000, 100_001)
    values[-1] = 1e6
    scale = IntensityScale.from_images(values)
    assert scale.minimum == pytest.approx(1, abs=0.1)
    assert scale.maximum == pytest.approx(999, abs=0.1)


def test_rare_foreground_still_gives_a_range() -> None:
    values = np.zeros(10_000)
    values[0] = 7
    assert IntensityScale.from_images(values).maximum == 7


def test_constant_images_are_refused() -> None:
    with pytest.raises(InputError, match="every image value is 4"):
        IntensityScale.from_images(np.full((3, 3), 4.0))


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0, float("nan"))], ids=["equal", "reversed", "nan"])
def test_no_range_is_refused(low: float, high: float) -> None:
    with pytest.raises(InputError, match="not a range"):
        IntensityScale(low, high)


def test_incomplete_metadata_is_refused() -> None:
    with pytest.raises(InputError, match="lacks 'maximum'"):
        IntensityScale.from_dict({"minimum": 0})
