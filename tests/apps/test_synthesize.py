from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
import pytest
import torch
from PIL import Image

from monai_gan.apps import Progress, load, synthesize
from monai_gan.bundle import BundleInfo, save_weights, write_checksums
from monai_gan.data import read_image, read_provenance
from monai_gan.errors import Cancelled, InputError, InvalidResultError, WeightsError
from monai_gan.networks.nets import DCGANGenerator


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.fixture
def tiny_volume(tiny: Path) -> Path:
    """The tiny bundle turned into one of volumes 6 x 8 x 10 mm with anisotropic voxels."""
    shape = {"spatial_dims": 3, "image_size": [6, 8, 10]}
    edit(tiny / "configs" / "inference.json", lambda config: config["network_def"].update(shape))
    definition = json.loads((tiny / "configs" / "inference.json").read_text())["network_def"]
    extra = {"spatial_dims": 3, "spacing_mm": [1.0, 2.0, 0.5], "intensity": {"minimum": -100, "maximum": 100}}
    edit(tiny / "configs" / "metadata.json", lambda metadata: metadata["monai_gan"].update(extra))
    arguments = {name: value for name, value in definition.items() if name != "_target_"}
    torch.manual_seed(0)
    save_weights(DCGANGenerator(**arguments), tiny / "models" / "model.pt")
    write_checksums(tiny)
    return tiny


def pixels(folder: Path) -> dict[str, list[Any]]:
    return {path.name: np.asarray(Image.open(path)).tolist() for path in sorted(folder.glob("*.png"))}


@pytest.mark.usefixtures("tiny")
def test_files_are_named_counted_and_say_that_they_are_synthetic(tiny: Path, tmp_path: Path) -> None:
    files = synthesize("tiny_dcgan", 5, tmp_path / "out", seed=12)
    assert [file.name for file in files] == [f"tiny_dcgan_s12_{i:04d}.png" for i in range(5)]
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == sorted(f"tiny_dcgan_s12_{i:04d}.{ending}" for i in range(5) for ending in ("png", "json"))
    images = load("tiny_dcgan").sample(5, seed=12)
    for i, file in enumerate(files):
        np.testing.assert_allclose(np.asarray(Image.open(file)), images[i, 0], atol=0.5001)
        sidecar = json.loads(file.with_suffix(".json").read_text())
        expected = {
            "synthetic": True,
            "bundle": "tiny_dcgan",
            "version": "0.1.0",
            "checksum": BundleInfo.from_path(tiny).weights_sha256,
            "seed": 12,
            "index": i,
        }
        assert {key: sidecar[key] for key in expected} == expected
        assert len(sidecar["checksum"]) == 64
        assert sidecar["date"]
        origin = read_provenance(file)
        assert origin is not None
        assert (origin.seed, origin.index) == (12, i)


@pytest.mark.usefixtures("tiny")
def test_same_pixels_when_repeated_and_whatever_the_number_and_batch_size(tmp_path: Path) -> None:
    synthesize("tiny_dcgan", 6, tmp_path / "a", seed=3)
    synthesize("tiny_dcgan", 6, tmp_path / "b", seed=3, batch_size=1)
    synthesize("tiny_dcgan", 3, tmp_path / "c", seed=3, batch_size=5)
    first = pixels(tmp_path / "a")
    assert len(first) == 6
    assert pixels(tmp_path / "b") == first
    assert pixels(tmp_path / "c") == dict(list(first.items())[:3])
    synthesize("tiny_dcgan", 6, tmp_path / "a", seed=3)
    assert pixels(tmp_path / "a") == first


def test_volumes_carry_their_geometry_and_units(tiny_volume: Path, tmp_path: Path) -> None:
    (nifti,) = synthesize(tiny_volume, 1, tmp_path)
    assert nifti.name == "tiny_dcgan_s0_0000.nii.gz"
    image = nibabel.load(nifti)
    np.testing.assert_allclose(image.header.get_zooms(), [1.0, 2.0, 0.5])
    values = load(tiny_volume).sample(1)[0, 0]
    np.testing.assert_array_equal(image.get_fdata(dtype=np.float32), values)
    assert values.min() < 0
    (other,) = synthesize(tiny_volume, 1, tmp_path, format="nrrd")
    array, header = nrrd.read(str(other))
    np.testing.assert_array_equal(array, values)
    np.testing.assert_allclose(np.linalg.norm(header["space directions"], axis=1), [1.0, 2.0, 0.5])
    with pytest.raises(InputError, match="cannot hold the volumes"):
        synthesize(tiny_volume, 1, tmp_path / "never", format="png")
    assert not (tmp_path / "never").exists()


def test_volumes_as_dicom_are_series(tiny_volume: Path, tmp_path: Path) -> None:
    for _ in range(2):  # the second run replaces the first
        folders = synthesize(tiny_volume, 2, tmp_path, format="dcm")
    assert folders == [tmp_path / f"tiny_dcgan_s0_000{i}" for i in range(2)]
    names = sorted(path.name for path in tmp_path.iterdir() if path != tiny_volume.parent)
    assert names == sorted(f"tiny_dcgan_s0_000{i}{end}" for i in range(2) for end in ("", ".json"))
    values = load(tiny_volume).sample(2)
    for folder, value in zip(folders, values, strict=True):
        image = read_image(folder)
        np.testing.assert_allclose(image.numpy(), value, atol=0.002)
        np.testing.assert_allclose(image.pixdim.numpy(), [1.0, 2.0, 0.5])


def test_overview(tiny_volume: Path, tmp_path: Path) -> None:
    files = synthesize(tiny_volume, 3, tmp_path, grid=True)
    assert files[-1].name == "tiny_dcgan_s0_grid.png"
    # Two columns of middle slices, 8 rows by 6 columns each, two pixels apart.
    assert Image.open(files[-1]).size == (2 * 6 + 2, 2 * 8 + 2)
    assert json.loads(files[-1].with_suffix(".json").read_text())["extra"] == {"overview_of": 3}


@pytest.mark.usefixtures("tiny")
def test_progress_rises_to_one(tmp_path: Path) -> None:
    seen: list[Progress] = []
    synthesize("tiny_dcgan", 3, tmp_path, progress=seen.append)
    fractions = [one.fraction for one in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert [one.phase for one in seen] == ["loading"] + ["sampling"] * 4
    assert seen[-1].message == "3 of 3"


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_cancel_leaves_the_folder_as_it_was(after: int, tmp_path: Path) -> None:
    output = tmp_path / "out"
    synthesize("tiny_dcgan", 1, output, seed=9)
    before = {path: path.read_bytes() for path in output.iterdir()}
    asked = iter(range(100))
    with pytest.raises(Cancelled):
        synthesize("tiny_dcgan", 4, output, seed=9, cancel=lambda: next(asked) >= after)
    assert {path: path.read_bytes() for path in output.iterdir()} == before
    asked = iter(range(100))
    with pytest.raises(Cancelled):
        synthesize("tiny_dcgan", 4, tmp_path / "x" / "y", cancel=lambda: next(asked) >= after)
    assert not (tmp_path / "x").exists()


def test_an_invalid_image_in_the_middle_leaves_nothing(tiny: Path, tmp_path: Path) -> None:
    state = torch.load(tiny / "models" / "model.pt", weights_only=True)
    for value in state.values():
        if value.is_floating_point():
            value.fill_(torch.nan)
    torch.save(state, tiny / "models" / "model.pt")
    write_checksums(tiny)
    with pytest.raises(InvalidResultError, match=r"Sample 0 of bundle 'tiny_dcgan'.*not finite"):
        synthesize(tiny, 4, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_that_were_tampered_with_leave_nothing(tiny: Path, tmp_path: Path) -> None:
    weights = tiny / "models" / "model.pt"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(WeightsError):
        synthesize(tiny, 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n=0"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 2**63}, "seed=9223372036854775808"),
        ({"bundle": "tiny_dcgn"}, "did you mean 'tiny_dcgan'"),
        ({"format": "jpg"}, "format='jpg' is unknown"),
        ({"label": 1}, "unconditional|takes none"),
        ({"truncation": 0.0}, "truncation=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"device": "gpu"}, "device='gpu' is unknown"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_input_is_refused_and_nothing_is_made(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        synthesize(**{"bundle": "tiny_dcgan", "n": 1, "output": tmp_path / "out", **arguments})
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("tiny")
def test_an_output_that_cannot_be_written_is_found_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monai_gan.bundle.load_network", lambda *_, **__: pytest.fail("the work began"))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        synthesize("tiny_dcgan", 1, tmp_path / "file" / "out")
