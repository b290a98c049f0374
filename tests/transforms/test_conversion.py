"""What stands behind the transforms from image to image: the results of every other door, opened lazily once per
process, in the units and on the grid of the pipeline."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.inferers import SlidingWindowInferer
from tiny_volume_bundle import build_two_way_bundle, build_volume_bundle, double, identity, invert_middle
from torch import Tensor, nn
from worker_loads import check_loads, count_loads, forbid_cuda

from monai_gan.apps import load
from monai_gan.data import Provenance
from monai_gan.errors import InputError, InvalidResultError
from monai_gan.inferers import StackedSliceInferer
from monai_gan.transforms import Translate
from monai_gan.transforms.conversion import ImageConversion, grid_factors

HU = {"minimum": -1000, "maximum": 1000, "units": "HU"}


def volume(seed: int = 0) -> MetaTensor:
    """A volume (1, 8, 9, 6) from 0 to 1000 on an anisotropic, flipped grid, from a file."""
    values = 1000 * torch.rand(1, 8, 9, 6, generator=torch.Generator().manual_seed(seed))
    affine = torch.diag(torch.tensor([-1.0, 1.0, 2.0, 1.0], dtype=torch.float64))
    return MetaTensor(values, affine=affine, meta={"filename_or_obj": "/scans/head.nii.gz"})


def inverter() -> nn.Module:
    """Maps (N, 1, *S) in 2-D to its negative."""
    layer = identity(2)[0]
    layer.weight.data.neg_()  # type: ignore[operator]
    return layer


def test_result_is_the_one_that_every_other_door_gives(tmp_path: Path) -> None:
    bundle = build_volume_bundle(tmp_path)
    image = volume()
    result, expected = ImageConversion(bundle, "translation")(image), load(bundle, "cpu")(image)
    assert torch.equal(result.as_tensor(), expected.as_tensor())
    assert torch.equal(result.affine, image.affine)
    assert result.meta["synthetic"] is True
    assert result.meta["filename_or_obj"] == "/scans/head.nii.gz", "it is saved under the image's name"
    origin = Provenance.from_dict(json.loads(result.meta["provenance"]))
    assert (origin.bundle, origin.task, origin.source) == ("tiny_translator", "translation", "head.nii.gz")
    assert "synthetic" not in image.meta


def test_network_in_place_of_a_bundle() -> None:
    network = inverter()
    convert = ImageConversion(network, "translation", value_range=(0, 10))
    network.weight.data.zero_()  # type: ignore[operator, union-attr]
    image = MetaTensor(torch.linspace(0, 10, 12).reshape(1, 3, 4), affine=np.diag([2.0, 2.0, 1.0]))
    result = convert(image)
    torch.testing.assert_close(result.as_tensor(), 10 - image.as_tensor(), msg="it has a copy of its own")
    assert torch.equal(result.affine, image.affine)
    origin = Provenance.from_dict(json.loads(result.meta["provenance"]))
    assert (origin.bundle, origin.task, origin.source) == ("Conv2d", "translation", None)
    (result * torch.ones(1, requires_grad=True)).sum().backward()


def test_inferer_says_how_a_network_is_run() -> None:
    image = volume() / 500 - 1
    stacked = ImageConversion(invert_middle(), "translation", inferer=StackedSliceInferer(num_slices=3))(image)
    torch.testing.assert_close(stacked.as_tensor(), -image.as_tensor())
    windows = SlidingWindowInferer((4, 4, 4), 2, 0.25)
    doubled = ImageConversion(double(3)[0], "enhancement", inferer=windows)(image)
    assert doubled.shape == (1, 16, 18, 12)
    blocks = image.as_tensor()
    for axis in (1, 2, 3):
        blocks = blocks.repeat_interleave(2, axis)
    torch.testing.assert_close(doubled.as_tensor(), blocks)
    corner = torch.tensor([-0.5, -0.5, -0.5, 1], dtype=torch.float64)
    torch.testing.assert_close(doubled.affine @ corner, image.affine @ corner)


@pytest.mark.parametrize(
    ("intensity", "image", "expected"),
    [
        pytest.param(
            {"in": {"lower": 0.0, "upper": 100.0, "units": "any"}, "out": {"minimum": 0, "maximum": 200, "units": "a"}},
            "own",
            "inverted",
            id="scale-found-in-the-image",
        ),
        pytest.param({"in": HU, "out": {"minimum": 0, "maximum": 200, "units": "a"}}, "unit", "inverted", id="units"),
        pytest.param({"in": HU}, "unit", "inverted", id="units-kept"),
        pytest.param({"in": {"lower": 0.0, "upper": 100.0, "units": "any"}}, "own", "kept", id="nothing-fixed"),
    ],
)
def test_values_are_those_of_the_place_in_the_pipeline(
    intensity: dict[str, Any], image: str, expected: str, tmp_path: Path
) -> None:
    bundle = build_volume_bundle(tmp_path, intensity=intensity)
    low, span = (0.0, 1.0) if image == "unit" else (20.0, 5.0)
    given = volume() / 1000
    given = low + span * (given - given.min()) / (given.max() - given.min())
    result = ImageConversion(bundle, "translation", value_range=(0, 1))(given).as_tensor()
    turned = 1 - (given.as_tensor() - low) / span
    torch.testing.assert_close(result, low + span * turned if expected == "kept" else turned, rtol=0, atol=2e-3)


def test_direction_by_label(tmp_path: Path) -> None:
    bundle, image = build_two_way_bundle(tmp_path), volume()
    there, back = (ImageConversion(bundle, "translation", label=label)(image) for label in (0, "back"))
    torch.testing.assert_close(there.as_tensor(), 200 - back.as_tensor(), rtol=0, atol=0.05)
    with pytest.raises(InputError, match=r"needs a label: give one of 0 \(there\), 1 \(back\)"):
        ImageConversion(bundle, "translation")(image)
    with pytest.raises(InputError, match="label=0 is for a bundle: give a network of one direction"):
        ImageConversion(inverter(), "translation", label=0)


def test_an_enhanced_image_may_exceed_its_input() -> None:
    brighter = double(2)[0]
    brighter.weight.data.fill_(2.0)  # type: ignore[operator]
    image = torch.full((1, 2, 2), 0.8)
    assert ImageConversion(brighter, "enhancement")(image).max() == pytest.approx(1.6)
    assert ImageConversion(brighter, "enhancement", value_range=(0, 1))(image).max() == pytest.approx(1.1)


def test_warnings_of_the_model_come_through(tmp_path: Path) -> None:
    convert = ImageConversion(build_volume_bundle(tmp_path, familiar={"negative_share": [0.0, 0.01]}), "translation")
    with pytest.warns(UserWarning, match="does not look like T1-weighted MR .*do not rely on the result"):
        convert(volume() - 600)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_workers_load_once_each_and_leave_the_gpu_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, log = build_volume_bundle(tmp_path), tmp_path / "loads.txt"
    count_loads(monkeypatch, log)
    translate = Translate(bundle, device="cuda")
    assert not log.exists(), "loaded before anybody asked"
    images = [volume(seed) for seed in range(4)]
    loader = DataLoader(
        Dataset(images, translate),
        num_workers=2,
        persistent_workers=True,
        multiprocessing_context="fork",
        worker_init_fn=forbid_cuda,
    )
    epochs: list[Tensor] = [torch.cat([batch.as_tensor() for batch in loader]) for _ in range(2)]
    check_loads(log, workers=2)
    assert torch.equal(epochs[0], epochs[1])
    alone = torch.stack([ImageConversion(bundle, "translation")(image).as_tensor() for image in images])
    assert torch.equal(epochs[0], alone)


def test_pickling_leaves_out_what_was_opened(tmp_path: Path) -> None:
    convert = ImageConversion(build_volume_bundle(tmp_path), "translation")
    small, result = len(pickle.dumps(convert)), convert(volume())
    assert len(pickle.dumps(convert)) == small < 2000
    assert torch.equal(pickle.loads(pickle.dumps(convert))(volume()), result)
    of_network = ImageConversion(inverter(), "translation")
    of_network(torch.zeros(1, 4, 4))
    assert torch.equal(pickle.loads(pickle.dumps(of_network))(torch.ones(1, 4, 4)), -torch.ones(1, 4, 4))


def test_what_cannot_be(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No bundle is named 'tiny_dcgam'.*did you mean 'tiny_dcgan'"):
        ImageConversion("tiny_dcgam", "translation")
    with pytest.raises(InputError, match="'tiny_dcgan' is for 'synthesis', which cannot be done here; possible: trans"):
        ImageConversion(tiny, "translation")(volume())
    with pytest.raises(InputError, match="is for a network: the bundle .*tiny_dcgan says itself how it is run"):
        ImageConversion(tiny, "translation", inferer=StackedSliceInferer())
    with pytest.raises(InputError, match="intensity from 1.0 to 0.0 is not a range"):
        ImageConversion(tiny, "translation", value_range=(1, 0))
    with pytest.raises(InputError, match=r"\(3, 2\) voxels for an image of \(4, 4\)"):
        grid_factors((4, 4), (3, 2))
    broken = inverter()
    broken.weight.data.fill_(float("nan"))  # type: ignore[operator, union-attr]
    with pytest.raises(InvalidResultError, match="The result of Conv2d is not finite"):
        ImageConversion(broken, "translation")(torch.zeros(1, 4, 4))
