"""What lies outside a grown or shrunk mask is taken away."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_gan.errors import InputError
from monai_gan.transforms import KeepInsided


def sample(**more: float) -> dict[str, object]:
    mask = torch.zeros(1, 21, 21, 21)
    mask[:, 8:13, 8:13, 8:13] = 1
    affine = torch.diag(torch.tensor([2.0, 1.0, 1.0, 1.0]))
    return {"image": torch.ones(1, 21, 21, 21), "mask": MetaTensor(mask, affine=affine), **more}


@pytest.mark.parametrize(
    ("margin", "lengths"), [(0.0, (5, 5, 5)), (2.0, (7, 9, 9)), (-1.0, (5, 3, 3)), (-2.0, (3, 1, 1))]
)
def test_the_margin_is_in_millimetres(margin: float, lengths: tuple[int, int, int]) -> None:
    kept = KeepInsided("image")(sample(margin=margin))["image"][0] > 0
    found = [int(kept.any(dim=tuple({0, 1, 2} - {axis})).sum()) for axis in range(3)]
    assert tuple(found) == lengths


def test_without_a_margin_all_is_kept() -> None:
    assert KeepInsided("image")(sample())["image"].min() == 1


def test_a_margin_needs_a_mask() -> None:
    with pytest.raises(InputError, match="has 'margin'=1.0 but no 'mask'"):
        KeepInsided("image")({"image": torch.ones(1, 2, 2, 2), "margin": 1.0})
