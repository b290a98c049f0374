from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monai_gan.apps.form import choose_format
from monai_gan.bundle import BundleInfo
from monai_gan.errors import InputError

Make = Callable[..., BundleInfo]
BYTES = {"minimum": 0, "maximum": 255}
CT = {"minimum": -1000, "maximum": 1000, "units": "HU"}
SHORT = {"minimum": 0, "maximum": 4095}
UNIT = {"minimum": 0, "maximum": 1}


@pytest.mark.parametrize(
    ("asked", "extra", "expected"),
    [
        pytest.param(None, {"intensity": BYTES}, "png", id="2d"),
        pytest.param(None, {"intensity": BYTES, "spatial_dims": 3}, "nii.gz", id="3d"),
        pytest.param(None, {"intensity": CT}, "nii.gz", id="2d-below-zero"),
        pytest.param(None, {"intensity": UNIT}, "nii.gz", id="2d-fractions"),
        pytest.param("png", {"intensity": SHORT}, "png", id="16-bit"),
        pytest.param(".NRRD", {"intensity": CT}, "nrrd", id="dot-and-capitals"),
        pytest.param("nii.gz", {"intensity": BYTES}, "nii.gz", id="2d-nifti"),
        pytest.param("dcm", {"intensity": CT, "spatial_dims": 3}, "dcm", id="3d-dicom"),
    ],
)
def test_formats(asked: str | None, extra: dict[str, Any], expected: str, make_info: Make) -> None:
    assert choose_format(make_info(**extra), asked) == expected


@pytest.mark.parametrize(
    ("asked", "extra", "message"),
    [
        pytest.param("png", {"spatial_dims": 3}, "cannot hold the volumes.*nii.gz or nrrd", id="png-3d"),
        pytest.param("png", {"intensity": CT}, "would lose the intensities", id="png-below-zero"),
        pytest.param("jpg", {}, "format='jpg' is unknown.*nii.gz, nrrd, png or dcm", id="unknown"),
    ],
)
def test_refused_formats(asked: str, extra: dict[str, Any], message: str, make_info: Make) -> None:
    with pytest.raises(InputError, match=message):
        choose_format(make_info(**extra), asked)
