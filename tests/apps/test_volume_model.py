from __future__ import annotations

import itertools
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from tiny_volume_bundle import build_two_way_bundle, build_volume_bundle, double, identity
from torch import Tensor

from monai_gan.apps import Enhancer, Progress, Translator, load
from monai_gan.data import Provenance
from monai_gan.errors import Cancelled, HostMemoryError, InputError, InvalidResultError

SIZE = (14, 18, 11)


def affine(spacing: tuple[float, ...] = (1.0, 1.0, 1.0), flip: bool = False, degrees: float = 12.0) -> Tensor:
    """An oblique affine; flipped, of the orientation LPS with its first axes swapped."""
    a = np.radians(degrees)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag(spacing)
    if flip:
        matrix[:3, :3] = matrix[:3, [1, 0, 2]] @ np.diag([-1.0, -1.0, 1.0])
    matrix[:3, 3] = (-20.0, 31.0, -4.5)
    return torch.from_numpy(matrix)


def volume(size: tuple[int, ...] = SIZE, channels: int = 1, seed: int = 0, **geometry: Any) -> MetaTensor:
    """Noise from 0 to 1000 in a frame of zeros."""
    values = torch.zeros(channels, *size)
    inner = values[(slice(None), *[slice(2, -2) if n > 4 else slice(None) for n in size])]
    inner.copy_(1000 * torch.rand(inner.shape, generator=torch.Generator().manual_seed(seed)))
    return MetaTensor(values, affine=affine(**geometry), meta={"filename_or_obj": "/scans/head.nii.gz"})


@pytest.fixture
def translator(tmp_path: Path) -> Translator:
    model: Translator = load(build_volume_bundle(tmp_path))
    assert isinstance(model, Translator)
    return model


def enhancer(folder: Path, dims: int, scale: list[int], **entries: Any) -> Enhancer:
    layer, definition = double(dims) if max(scale) > 1 else identity(dims)
    kind = {"num_slices": 1, "scale": scale, "roi_size": [8, 8, 8] if dims == 3 else None, "dtype": "input"}
    model: Enhancer = load(
        build_volume_bundle(
            folder,
            "tiny_enhancer",
            "enhancement",
            layer=layer,
            definition=definition,
            num_channels=1,
            volume=kind | entries,
            spatial_dims=dims,
            intensity={"in": {"lower": 0.0, "upper": 100.0, "units": "HU"}},
        )
    )
    assert isinstance(model, Enhancer)
    return model


def inverted(image: Tensor) -> Tensor:
    """What the tiny translator makes of an image: its range turned round, onto 200..0."""
    return 200 * (image.max() - image) / (image.max() - image.min())


@pytest.mark.parametrize("flip", [False, True])
def test_values_and_grid_of_a_translation(translator: Translator, flip: bool) -> None:
    image = volume(flip=flip)
    result = translator(image)
    assert result.shape == image.shape
    assert torch.equal(result.affine, image.affine)
    torch.testing.assert_close(result.as_tensor(), inverted(image.as_tensor()), rtol=0, atol=0.05)
    assert not result.requires_grad
    assert image.as_tensor().max() > 900, "the input must not be changed"


def test_where_a_result_comes_from_is_told_with_it(translator: Translator) -> None:
    result = translator(volume())
    assert result.meta["synthetic"] is True
    origin = Provenance.from_dict(json.loads(result.meta["provenance"]))
    assert (origin.bundle, origin.task, origin.source) == ("tiny_translator", "translation", "head.nii.gz")
    report = origin.extra["report"]
    assert report["units"] == "arbitrary, model scale"
    assert report["warnings"] == []
    assert report["consistency"]["value"] == pytest.approx(1, abs=0.01), "an inverted image has the same edges"
    assert report["input_intensity"]["minimum"] == 0
    assert "on cpu" in report["run"]


def test_batches_do_not_matter(translator: Translator) -> None:
    image = volume()
    torch.testing.assert_close(translator(image, batch_size=1), translator(image, batch_size=7))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("flip", [False, True])
def test_a_higher_resolution_fills_the_same_box(dims: int, flip: bool, tmp_path: Path) -> None:
    scale = [2, 2, 1] if dims == 2 else [2, 2, 2]
    image = volume(flip=flip, spacing=(1.0, 1.0, 3.0))
    result = enhancer(tmp_path, dims, scale)(image)
    factors = np.array(scale)
    assert result.shape[1:] == tuple(np.array(SIZE) * factors)
    for corner in itertools.product((0, 1), repeat=3):
        before = image.affine.numpy() @ [*(np.array(corner) * SIZE - 0.5), 1]
        after = result.affine.numpy() @ [*(np.array(corner) * SIZE * factors - 0.5), 1]
        np.testing.assert_allclose(after, before, atol=1e-9)
    blocks = image.as_tensor()
    for axis, factor in enumerate(scale, start=1):
        blocks = blocks.repeat_interleave(factor, dim=axis)
    torch.testing.assert_close(result.as_tensor(), blocks, rtol=1e-3, atol=0.5)


def test_points_agree_with_simpleitk(tmp_path: Path) -> None:
    itk = pytest.importorskip("SimpleITK")
    from monai_gan.data import write_image

    image = volume(flip=True, spacing=(0.8, 1.1, 2.5))
    result = enhancer(tmp_path, 2, [2, 2, 1])(image)
    paths = [write_image(tmp_path / f"{name}.nii.gz", one) for name, one in (("in", image), ("out", result))]
    coarse, fine = (itk.ReadImage(str(path)) for path in paths)
    for index in ((0, 0, 0), (3, 5, 7), (13, 17, 10)):
        point = coarse.TransformIndexToPhysicalPoint(index)
        found = fine.TransformPhysicalPointToContinuousIndex(point)
        np.testing.assert_allclose(found, np.array(index) * (2, 2, 1) + (0.5, 0.5, 0.0), atol=1e-4)


def test_units_and_whole_numbers_of_an_enhancement(tmp_path: Path) -> None:
    model = enhancer(tmp_path, 3, [1, 1, 1])
    image = MetaTensor((volume().as_tensor() - 300).short(), affine=affine())
    found = model.run(image)
    assert found.report["units"] == "HU"
    assert found.image.dtype == torch.int16
    assert (found.image.as_tensor() - image.as_tensor()).abs().max() <= 1


def test_background_and_dtype_are_those_of_the_bundle(tmp_path: Path) -> None:
    model = load(build_volume_bundle(tmp_path, volume={"background": 7, "dtype": "uint8"}))
    image = volume()
    result = model(image)
    assert result.dtype == torch.uint8
    padding = image.as_tensor() == 0
    assert (result.as_tensor()[padding] == 7).all()
    expected = inverted(image.as_tensor())[~padding]
    torch.testing.assert_close(result.as_tensor()[~padding].float(), expected, rtol=0, atol=0.6)


def test_a_dark_hole_within_an_object_is_no_padding(tmp_path: Path) -> None:
    model = load(build_volume_bundle(tmp_path, volume={"background": 7}))
    image = volume()
    image[:, 6:8, 6:8, 5] = 0
    result = model(image).as_tensor()
    assert (result[:, 0] == 7).all()
    assert (result[:, 6:8, 6:8, 5] > 100).all(), "the inverse of the darkest value"


def test_an_unknown_spacing_is_led_there_and_back(tmp_path: Path) -> None:
    model = load(build_volume_bundle(tmp_path, volume={"spacing_range_mm": [[0.9, 1.5], [0.9, 1.5], [1.0, 2.0]]}))
    smooth = torch.nn.functional.avg_pool3d(torch.rand(1, 1, 48, 46, 12, generator=torch.manual_seed(0)), 9, 1, 4)[0]
    image = MetaTensor(1000 * smooth, affine=affine((0.5, 1.2, 8.0)))
    with pytest.warns(UserWarning, match=r"0.5 x 1.2 x 8 mm are unknown .* nearest known are 0.9 x 1.2 x 8 mm"):
        found = model.run(image)
    assert found.image.shape == image.shape
    assert torch.equal(found.image.affine, image.affine)
    assert found.report["worked_at_mm"] == pytest.approx([0.5 * 48 / 27, 1.2, 8.0], abs=1e-3)
    error = (found.image.as_tensor() - inverted(image.as_tensor())).abs().mean()
    assert error < 0.02 * 200
    assert len(found.report["warnings"]) == 1


def test_frames_are_worked_on_one_by_one(translator: Translator) -> None:
    series = volume(channels=3)
    found = translator.run(series)
    assert found.image.shape == series.shape
    assert found.report["frames"] == 3
    for channel in range(3):
        alone = translator(MetaTensor(series.as_tensor()[channel : channel + 1], affine=series.affine))
        torch.testing.assert_close(found.image.as_tensor()[channel : channel + 1], alone.as_tensor())


def test_a_picture_is_one_slice(translator: Translator) -> None:
    picture = MetaTensor(volume().as_tensor()[..., 5], affine=torch.diag(torch.tensor([-1.0, -1.0, 1.0, 1.0])))
    with pytest.warns(UserWarning, match="3 neighbouring slices, but there are only 1"):
        result = translator(picture)
    torch.testing.assert_close(result.as_tensor(), inverted(picture.as_tensor()), rtol=0, atol=0.05)


def test_uncertainty_is_offered_where_it_was_tested(tmp_path: Path) -> None:
    record = {"spearman": 0.45, "n": 1, "data": "phantom", "split": "test"}
    model = load(build_volume_bundle(tmp_path / "good", uncertainty=record))
    image = volume(flip=True)
    found = model.run(image, uncertainty=True)
    assert found.uncertainty is not None
    assert found.uncertainty.shape == found.image.shape
    assert torch.equal(found.uncertainty.affine, image.affine)
    torch.testing.assert_close(found.image, model(image))
    level = (image.as_tensor() / image.max()).double()
    results = torch.stack([level, level, level**0.8, level**1.25, level**0.8, level**1.25])
    torch.testing.assert_close(found.uncertainty.double(), 200 * results.std(0), rtol=0, atol=0.1)
    for name, entries, reason in (
        ("bad", {"uncertainty": record | {"spearman": 0.1}}, r"rank correlation 0\.10 on test data, 0\.3 is needed"),
        ("none", {}, "was not tested for one"),
    ):
        other = load(build_volume_bundle(tmp_path / name, **entries))
        with pytest.raises(InputError, match=f"uncertainty=True is not possible: .*{reason}"):
            other.run(image, uncertainty=True)


def test_unfamiliar_images_and_new_edges_are_warned_of(tmp_path: Path) -> None:
    entries: dict[str, Any] = {"familiar": {"negative_share": [-0.05, 0.05]}, "consistency": [0.5, 1.0]}
    model = load(build_volume_bundle(tmp_path / "a", **entries))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(volume())
    ct = MetaTensor(volume().as_tensor() - 600, affine=affine())
    with pytest.warns(UserWarning, match="does not look like T1-weighted MR .*share of negative values"):
        found = model.run(ct)
    assert "do not rely on the result" in found.report["warnings"][0]
    smooth, definition = torch.nn.Conv2d(3, 1, 9, padding=4, bias=False), None
    smooth.weight.data.normal_(generator=torch.manual_seed(0))
    definition = {"_target_": "torch.nn.Conv2d", "in_channels": 3, "out_channels": 1, "kernel_size": 9}
    inventive = load(
        build_volume_bundle(
            tmp_path / "b", layer=smooth, definition=definition | {"padding": 4, "bias": False}, consistency=[0.9, 1.0]
        )
    )
    with pytest.warns(UserWarning, match=r"edges of the result agree less .* than 0\.90"):
        inventive(volume())


@pytest.mark.parametrize(
    ("image", "message"),
    [
        pytest.param(torch.rand(3, 20, 20), "3 colours, but 'tiny_translator' takes 1 grey channel", id="rgb"),
        pytest.param(
            (4 * torch.rand(1, 8, 9, 10)).round(), "5 different values only .* a mask or a label map", id="labels"
        ),
        pytest.param(torch.full((1, 8, 9, 10), 3.0), "value 3 everywhere", id="constant"),
        pytest.param(torch.rand(1, 8, 9, 10).log(), "1 NaN or infinite values", id="not-finite"),
        pytest.param(torch.rand(8, 9), "has the shape .8, 9.: give", id="no-channels"),
        pytest.param(torch.rand(1, 0, 9, 9), "has the shape", id="empty"),
    ],
)
def test_what_is_no_image_is_refused(image: Tensor, message: str, translator: Translator) -> None:
    if "infinite" in message:
        image[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match=message):
        translator(image)


def test_a_network_of_volumes_needs_depth(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no depth, but 'tiny_enhancer' works on volumes"):
        enhancer(tmp_path, 3, [1, 1, 1])(volume((12, 12, 1)))


def test_too_large_for_memory(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monai_gan.apps.volume_checks.free_bytes", lambda device: 10_000)
    with pytest.raises(HostMemoryError, match="needs about .* GB here"):
        translator(volume())


def test_an_affine_without_volume(translator: Translator) -> None:
    flat = MetaTensor(volume().as_tensor(), affine=torch.diag(torch.tensor([1.0, 1.0, 0.0, 1.0])))
    with pytest.raises(InputError, match="has no volume: repair the image's geometry"):
        translator(flat)


def test_weights_of_no_use(tmp_path: Path) -> None:
    layer, definition = identity(2)
    layer.weight.data.zero_()  # type: ignore[operator, union-attr]
    model = load(
        build_volume_bundle(tmp_path, layer=layer, definition=definition, num_channels=1, volume={"num_slices": 1})
    )
    with pytest.raises(InvalidResultError, match="has one value everywhere"):
        model(volume())


def test_progress_rises_to_the_end_and_a_cancel_stops(translator: Translator) -> None:
    told: list[Progress] = []
    translator(volume(channels=2), progress=told.append, batch_size=4)
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    assert len(set(fractions)) >= 6, "one report per batch"
    assert fractions[-1] == pytest.approx(1)
    with pytest.raises(Cancelled):
        translator(volume(), cancel=lambda: len(told) > 0)


def test_metadata_that_does_not_say_how(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"add monai_gan.volume and monai_gan.intensity.in"):
        load(build_volume_bundle(tmp_path, intensity={"minimum": 0, "maximum": 1, "units": "none"}))


def test_directions_by_label(tmp_path: Path) -> None:
    bundle = build_two_way_bundle(
        tmp_path,
        familiar={"back": {"negative_share": [0.5, 1.0]}, "there": {"negative_share": [0.0, 0.1]}},
        consistency={"there": [0.5, 1.0], "back": [0.5, 1.0]},
    )
    model, image = load(bundle), volume()
    with pytest.raises(InputError, match=r"needs a label: give one of 0 \(there\), 1 \(back\)"):
        model(image)
    found = model.run(image, label="there")
    torch.testing.assert_close(found.image.as_tensor(), 200 - inverted(image.as_tensor()), rtol=0, atol=0.05)
    assert found.report["direction"] == "there"
    assert found.report["warnings"] == []
    with pytest.warns(UserWarning, match="does not look like"):
        turned = model(image, label=1)
    torch.testing.assert_close(turned.as_tensor(), inverted(image.as_tensor()), rtol=0, atol=0.05)


def test_a_bundle_without_directions_takes_no_label(translator: Translator) -> None:
    with pytest.raises(InputError, match="label=0 is not possible"):
        translator(volume(), label=0)
