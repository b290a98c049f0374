"""What a bundle's own inference writes lies where it should, in the right units, and says that it is synthetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from tiny_volume_bundle import build_volume_bundle, double

from monai_gan.data import read_image, read_provenance
from monai_gan.errors import InputError
from monai_gan.transforms import SaveConvertedd, ScaleForegroundd

AFFINE = torch.tensor([[1.2, 0.3, 0, -9], [-0.3, 1.2, 0, 4], [0, 0, 2.5, 7], [0, 0, 0, 1]], dtype=torch.float64)


@pytest.fixture
def sample() -> dict[str, Any]:
    image = MetaTensor(torch.rand(1, 4, 6, 3) * 500 + 20, affine=AFFINE, meta={"filename_or_obj": "/a/head.nii.gz"})
    return ScaleForegroundd("image", lower=0.0, upper=100.0)({"image": image})


def test_a_translation_is_written_on_its_grid_and_scale(tmp_path: Path, sample: dict[str, Any]) -> None:
    bundle = build_volume_bundle(tmp_path, volume={"dtype": "uint8"})
    pred = torch.linspace(-1.2, 1, 4 * 6 * 3).view(1, 4, 6, 3)
    given = {**sample, "pred": pred}
    assert SaveConvertedd("pred", tmp_path / "out", bundle, label="there")(given) == given
    path = tmp_path / "out" / "head_tiny_translator.nii.gz"
    written = read_image(path)
    np.testing.assert_allclose(written.affine, AFFINE, atol=1e-5)
    np.testing.assert_allclose(written.numpy(), ((pred.clamp(-1, 1) + 1) * 100).round().numpy())
    origin = read_provenance(path)
    assert origin is not None
    assert (origin.bundle, origin.task, origin.label, origin.source) == (
        "tiny_translator",
        "translation",
        "there",
        "head.nii.gz",
    )


def test_an_enhancement_keeps_units_and_the_box(tmp_path: Path, sample: dict[str, Any]) -> None:
    layer, definition = double(3)
    bundle = build_volume_bundle(
        tmp_path,
        task="enhancement",
        layer=layer,
        definition=definition,
        num_channels=1,
        spatial_dims=3,
        volume={"scale": [2, 2, 2], "dtype": "input"},
        intensity={"in": {"lower": 0.0, "upper": 100.0, "units": "arbitrary"}},
    )
    fine = sample["image"].as_tensor().repeat_interleave(2, 1).repeat_interleave(2, 2).repeat_interleave(2, 3)
    SaveConvertedd("pred", tmp_path / "out", bundle, format="nrrd")({**sample, "pred": fine})
    written = read_image(tmp_path / "out" / "head_tiny_translator.nrrd")
    scale = sample["image"].meta["intensity_scale"]
    assert float(written.min()) == pytest.approx(scale["minimum"], rel=1e-4)
    assert float(written.max()) == pytest.approx(scale["maximum"], rel=1e-4)
    # The outer corner of the first voxel stays where it is.
    corners = [affine @ torch.tensor([-0.5, -0.5, -0.5, 1.0]).double() for affine in (AFFINE, written.affine.double())]
    torch.testing.assert_close(corners[0], corners[1], atol=1e-4, rtol=0)


def test_faults_are_named(tmp_path: Path, sample: dict[str, Any]) -> None:
    bundle = build_volume_bundle(tmp_path, intensity={"in": {"lower": 0.0, "upper": 100.0, "units": "arbitrary"}})
    with pytest.raises(InputError, match="format='png' is not written here"):
        SaveConvertedd("pred", tmp_path, bundle, format="png")
    save = SaveConvertedd("pred", tmp_path / "out", bundle)
    with pytest.raises(InputError, match="source_key='image' names no MetaTensor"):
        save({"pred": torch.zeros(1, 4, 6, 3)})
    with pytest.raises(InputError, match="no 'intensity_scale'"):
        save({"pred": torch.zeros(1, 4, 6, 3), "image": MetaTensor(torch.zeros(1, 4, 6, 3))})
