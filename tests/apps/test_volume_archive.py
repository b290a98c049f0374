"""Archives of images become archives of results."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_volume_bundle import build_volume_bundle, double

from monai_gan.apps import enhance, load, translate
from monai_gan.data import ImageDataset
from monai_gan.errors import Cancelled, InputError

IMAGES = (np.random.default_rng(0).random((5, 12, 16)) * 300).astype(np.float32)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    limits = {"negative_share": [0.5, 1.0]}
    return build_volume_bundle(tmp_path / "bundles", volume={"dtype": "uint8"}, familiar=limits)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    np.savez(tmp_path / "set.npz", images=IMAGES, subject=np.arange(5), split=np.array([0, 0, 0, 1, 2]))
    return tmp_path / "set.npz"


@pytest.mark.filterwarnings("ignore:The image does not look like", "ignore:.*neighbouring slices")
def test_each_image_is_translated_for_itself(bundle: Path, archive: Path, tmp_path: Path) -> None:
    files = translate(bundle, archive, tmp_path / "out")
    assert files == [tmp_path / "out" / "set_tiny_translator.npz"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "set_tiny_translator.json",
        "set_tiny_translator.npz",
    ]
    with np.load(files[0]) as written:
        assert written["images"].shape == IMAGES.shape
        assert written["images"].dtype == np.uint8
        expected = load(bundle)(torch.from_numpy(IMAGES[3:4]))
        np.testing.assert_array_equal(written["images"][3], expected.numpy()[0])
        np.testing.assert_array_equal(written["split"], [0, 0, 0, 1, 2])
        assert bool(written["synthetic"])
        assert json.loads(str(written["provenance"]))["bundle"] == "tiny_translator"
    sidecar = json.loads((tmp_path / "out" / "set_tiny_translator.json").read_text())
    assert (sidecar["source"], sidecar["extra"]["report"]["images"]) == ("set.npz", 5)
    assert any("(5 of 5 images)" in text for text in sidecar["extra"]["report"]["warnings"])
    assert len(ImageDataset(files[0], "train")) == 3


@pytest.mark.parametrize("shape", [(2, 6, 8, 4), (2, 1, 6, 8, 4)])
def test_volumes_are_enhanced(shape: tuple[int, ...], tmp_path: Path) -> None:
    layer, definition = double(3)
    bundle = build_volume_bundle(
        tmp_path,
        task="enhancement",
        layer=layer,
        definition=definition,
        num_channels=1,
        spatial_dims=3,
        volume={"scale": [2, 2, 2], "dtype": "input", "roi_size": None},
        intensity={"in": {"lower": 0.0, "upper": 100.0, "units": "arbitrary"}},
    )
    images = np.random.default_rng(1).integers(0, 200, shape).astype(np.int16)
    np.savez(tmp_path / "volumes.npz", images=images)
    (file,) = enhance(bundle, tmp_path / "volumes.npz", tmp_path / "fine.npz")
    with np.load(file) as written:
        assert written["images"].shape == (*shape[:-3], *(2 * length for length in shape[-3:]))
        assert written["images"].dtype == np.int16
        np.testing.assert_allclose(written["images"][..., ::2, ::2, ::2], images, atol=1)


def test_faults_are_named_and_nothing_is_left(bundle: Path, archive: Path, tmp_path: Path) -> None:
    for options in ({"uncertainty": True}, {"format": "png"}):
        with pytest.raises(InputError, match="is an archive, which becomes one"):
            translate(bundle, archive, tmp_path / "out", **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"output='.*x.npz' is an archive, but input="):
        translate(bundle, tmp_path / "head.nii.gz", tmp_path / "x.npz")
    np.savez(tmp_path / "other.npz", masks=np.zeros((2, 4, 4)))
    with pytest.raises(InputError, match="holds no array 'images'"):
        translate(bundle, tmp_path / "other.npz", tmp_path / "out")
    broken = IMAGES.copy()
    broken[4, 0, 0] = np.nan
    np.savez(tmp_path / "nan.npz", images=broken)
    with pytest.raises(InputError, match="NaN"):
        translate(bundle, tmp_path / "nan.npz", tmp_path / "out")
    asked: list[int] = []
    with pytest.raises(Cancelled):
        translate(bundle, archive, tmp_path / "out", cancel=lambda: asked.append(1) or len(asked) > 4)  # type: ignore[func-returns-value]
    assert not (tmp_path / "out").exists()
