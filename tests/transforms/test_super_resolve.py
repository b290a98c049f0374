"""Finer grids in MONAI pipelines, and what was found on them led back to the grid of the input."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data import CacheDataset, DataLoader, MetaTensor, decollate_batch
from monai.transforms import Compose, Flipd, Invertd, Orientationd, ScaleIntensityd, SpatialPadd
from tiny_volume_bundle import build_volume_bundle, double, identity
from torch import Tensor, nn

from monai_gan.errors import InputError
from monai_gan.transforms import SuperResolve, SuperResolved

SIZE = (6, 8, 5)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """It repeats each voxel twice within axial slices, and keeps units and whole numbers."""
    layer, definition = double(2)
    return build_volume_bundle(
        tmp_path,
        "tiny_enhancer",
        "enhancement",
        layer=layer,
        definition=definition,
        num_channels=1,
        volume={"num_slices": 1, "scale": [2, 2, 1], "dtype": "input"},
        intensity={"in": {"lower": 0.0, "upper": 100.0, "units": "any"}},
    )


def volume(seed: int = 0) -> MetaTensor:
    """A volume in the orientation PLS."""
    values = torch.rand(1, *SIZE, generator=torch.Generator().manual_seed(seed))
    affine = torch.tensor([[0, -1.0, 0, 5], [-1.5, 0, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1]], dtype=torch.float64)
    return MetaTensor(values, affine=affine)


def blocks(values: Tensor, factors: tuple[int, ...]) -> Tensor:
    """Each voxel of (C, *S) repeated."""
    for axis, factor in enumerate(factors, start=1):
        values = values.repeat_interleave(factor, axis)
    return values


def test_finer_grid_fills_the_same_box(bundle: Path) -> None:
    image = volume()
    result = Compose([SuperResolve(bundle)])(image)
    torch.testing.assert_close(result.as_tensor(), blocks(image.as_tensor(), (2, 2, 1)))
    for corner in ((0, 0, 0), (1, 1, 1)):
        before = image.affine @ torch.tensor([*(n * c - 0.5 for n, c in zip(SIZE, corner, strict=True)), 1.0]).double()
        finer = (n * c * f - 0.5 for n, c, f in zip(SIZE, corner, (2, 2, 1), strict=True))
        torch.testing.assert_close(result.affine @ torch.tensor([*finer, 1.0]).double(), before)
    assert result.meta["synthetic"] is True
    assert len(result.applied_operations) == 1
    assert image.applied_operations == []


def test_inverse_leads_the_image_back(bundle: Path) -> None:
    image = volume()
    transform = Compose([Flipd("image", 1), SuperResolved("image", bundle)])
    back = transform.inverse(transform({"image": image}))
    torch.testing.assert_close(back["image"].as_tensor(), image.as_tensor())
    torch.testing.assert_close(back["image"].affine, image.affine)
    assert back["image"].applied_operations == []


@pytest.mark.parametrize(
    ("factors", "network"), [((2, 2), double(2)[0]), ((3, 2, 2), nn.Upsample(scale_factor=(3, 2, 2)))], ids=["2d", "3d"]
)
def test_mean_and_nearest(factors: tuple[int, ...], network: nn.Module) -> None:
    image = torch.zeros(1, *SIZE[: len(factors)])
    coarse = torch.randint(0, 9, image.shape)
    labels = blocks(coarse, factors)
    # Other labels than at the centres of the blocks do not matter to "nearest", but to "mean".
    labels[(slice(None), *(slice(0, None, factor) for factor in factors))] = 9
    count = torch.tensor(factors).prod()
    for mode, expected in (("nearest", coarse), ("mean", ((count - 1) * coarse + 9) / count)):
        enhance = SuperResolve(network, mode=mode)  # type: ignore[arg-type]
        fine = enhance(image)
        assert isinstance(fine, MetaTensor)
        back = enhance.inverse(MetaTensor(labels, affine=fine.affine, applied_operations=fine.applied_operations))
        assert back.dtype == (torch.int64 if mode == "nearest" else torch.float32)
        torch.testing.assert_close(back.as_tensor(), expected.to(back.dtype))
        torch.testing.assert_close(back.affine, torch.eye(4, dtype=torch.float64))


@pytest.mark.parametrize("nearest", [True, False], ids=["labels", "probabilities"])
def test_predictions_of_two_workers_come_back_to_the_input_grid(nearest: bool, bundle: Path) -> None:
    images = [volume(seed) for seed in range(4)]
    before = Compose(
        [
            Orientationd("image", "RAS", labels=None),
            ScaleIntensityd("image"),
            SuperResolved("image", bundle),
            SpatialPadd("image", (20, 20, 8)),
        ]
    )
    dataset = CacheDataset([{"image": image} for image in images], before, progress=False)
    after = Invertd("pred", before, orig_keys="image", nearest_interp=nearest)
    found = []
    for batch in DataLoader(dataset, batch_size=2, num_workers=2):
        # What a network might find, on the fine and padded grid.
        batch["pred"] = (batch["image"] > 0.5).float() if nearest else batch["image"].clone()
        found += [after(sample)["pred"] for sample in decollate_batch(batch)]
    for image, pred in zip(images, found, strict=True):
        scaled = (image.as_tensor() - image.min()) / (image.max() - image.min())
        torch.testing.assert_close(pred.as_tensor(), (scaled > 0.5).float() if nearest else scaled.as_subclass(Tensor))
        torch.testing.assert_close(pred.affine, image.affine)


def test_denoising_keeps_the_grid_and_whole_numbers(tmp_path: Path) -> None:
    layer, definition = identity(3)
    kind = {"num_slices": 1, "roi_size": [8, 8, 8], "dtype": "input"}
    denoise = SuperResolve(
        build_volume_bundle(
            tmp_path,
            "tiny_denoiser",
            "enhancement",
            layer=layer,
            definition=definition,
            num_channels=1,
            volume=kind,
            spatial_dims=3,
            intensity={"in": {"lower": 0.0, "upper": 100.0, "units": "HU"}},
        )
    )
    image = MetaTensor((1000 * volume()).short(), affine=volume().affine)
    result = denoise(image)
    assert result.dtype == torch.int16
    assert (result - image).abs().max() <= 1
    assert isinstance(result, MetaTensor)
    back = denoise.inverse(result)
    assert torch.equal(back, result)
    assert torch.equal(back.affine, image.affine)


def test_pickled_and_missing_keys(bundle: Path) -> None:
    enhance: Any = pickle.loads(pickle.dumps(SuperResolved(["image", "other"], bundle, allow_missing_keys=True)))
    sample = enhance({"image": volume()})
    assert sample.keys() == {"image"}
    torch.testing.assert_close(enhance.inverse(sample)["image"].as_tensor(), volume().as_tensor())
    with pytest.raises(KeyError, match="image"):
        SuperResolved("image", bundle)({})


def test_what_cannot_be(bundle: Path) -> None:
    with pytest.raises(InputError, match="mode='cubic' is unknown: give 'mean' or 'nearest'"):
        SuperResolve(bundle, mode="cubic")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"\(3, 4\) voxels for an image of \(6, 8\)"):
        SuperResolve(nn.AvgPool2d(2))(torch.zeros(1, 6, 8))
    enhance = SuperResolve(double(2)[0])
    fine: Any = enhance(torch.zeros(1, 6, 8))
    with pytest.raises(InputError, match=r"made \[12, 16\] voxels, and \[6, 8\] cannot be brought back"):
        enhance.inverse(MetaTensor(torch.zeros(1, 6, 8), applied_operations=fine.applied_operations))
