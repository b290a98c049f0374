"""One random slice is cut out of all volumes of a sample, where there is something to see."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_gan.errors import InputError
from monai_gan.transforms import RandStackedSliced


def sample() -> dict[str, torch.Tensor]:
    image = torch.full((1, 4, 5, 9), -1.0)
    image[..., 3:6] = torch.arange(3.0)
    return {"image": MetaTensor(image), "target": image + 100, "label": torch.zeros(())}


def test_slices_of_a_pair_belong_together():
    cut = RandStackedSliced(["image", "target"], num_slices=(3, 1), share=0.5)
    seen = set()
    for seed in range(30):
        result = cut.set_random_state(seed)(sample())
        assert result["image"].shape == (3, 4, 5)
        assert result["target"].shape == (1, 4, 5)
        torch.testing.assert_close(result["image"].as_tensor()[1:2] + 100, result["target"])
        seen.add(result["image"].meta["slice"])
    assert seen == {3, 4, 5}


def test_empty_slices_are_let_through_with_the_probability_that_is_left():
    cut = RandStackedSliced("image", share=0.5, prob=0.5)
    drawn = {cut.set_random_state(seed)(sample())["image"].meta["slice"] for seed in range(40)}
    assert len(drawn) > 3


@pytest.mark.parametrize("axis", [0, 1])
def test_other_axes_and_repeated_draws(axis):
    cut = RandStackedSliced("image", axis=axis)
    first, second = (cut.set_random_state(7)(sample())["image"] for _ in range(2))
    assert first.shape == (1, *[size for i, size in enumerate((4, 5, 9)) if i != axis])
    assert torch.equal(first, second)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="num_slices=2"):
        RandStackedSliced("image", 2)
    with pytest.raises(InputError, match=r"num_slices=\(1, 3\) has 2 numbers for 1 keys"):
        RandStackedSliced("image", (1, 3))
    with pytest.raises(InputError, match=r"shapes \[\(4, 5, 6\), \(4, 5, 9\)\]"):
        RandStackedSliced(["image", "target"])({**sample(), "target": torch.zeros(1, 4, 5, 6)})
    assert RandStackedSliced(["image", "mask"], allow_missing_keys=True)(sample())["image"].shape == (1, 4, 5)
