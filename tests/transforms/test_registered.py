"""Pairs on different grids are refused by the names of their files."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_gan.errors import InputError
from monai_gan.transforms import CheckRegisteredd


def image(file: str, size: int = 8, shift: float = 0.0, spacing: float = 1.5) -> MetaTensor:
    affine = torch.diag(torch.tensor([spacing, spacing, spacing, 1.0], dtype=torch.float64))
    affine[0, 3] = shift
    return MetaTensor(torch.zeros(1, size, 8, 8), affine=affine, meta={"filename_or_obj": file})


def test_one_grid_passes_within_the_tolerance():
    sample = {"image": image("t1.nii.gz"), "target": image("t2.nii.gz", shift=0.05), "label": 1}
    assert CheckRegisteredd(["image", "target"])(sample) is sample
    plain = {"image": torch.zeros(1, 8, 8), "target": torch.zeros(2, 8, 8)}
    assert CheckRegisteredd(["image", "target"])(plain) is plain
    assert CheckRegisteredd(["image", "target"], allow_missing_keys=True)({"image": 1}) == {"image": 1}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (image("t2.nii.gz", size=9), r"shapes are \(8, 8, 8\) and \(9, 8, 8\)"),
        (image("t2.nii.gz", shift=2.0), r"corner lies 2 mm apart"),
        (image("t2.nii.gz", spacing=1.6), r"corner lies 1\.21 mm apart"),
        (image("t2.nii.gz", shift=float("nan")), "corner lies nan mm apart"),
    ],
)
def test_other_grids_are_refused_by_file(other, message):
    with pytest.raises(InputError, match=rf"'t1.nii.gz' \(image\) and 't2.nii.gz' \(target\) are no.*{message}"):
        CheckRegisteredd(["image", "target"])({"image": image("t1.nii.gz"), "target": other})
    with pytest.raises(InputError, match="tolerance=-1"):
        CheckRegisteredd("image", tolerance=-1)
