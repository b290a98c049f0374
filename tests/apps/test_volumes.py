from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from tiny_volume_bundle import build_volume_bundle, double

from monai_gan.apps import enhance, load, run_request, translate
from monai_gan.data import Provenance, read_image, read_provenance, write_image
from monai_gan.errors import Cancelled, InputError

AFFINE = np.array([[-0.9, 0.1, 0, 4], [0.1, 0.9, 0.2, -7], [0, -0.1, 2.0, 1], [0, 0, 0, 1.0]])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return build_volume_bundle(
        tmp_path / "bundles",
        volume={"dtype": "uint8", "background": 0},
        uncertainty={"spearman": 0.5, "n": 1, "data": "none", "split": "test"},
    )


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    values = np.zeros((14, 12, 6), np.float32)
    values[2:-2, 2:-2] = 500 * np.random.default_rng(0).random((10, 8, 6))
    nibabel.save(nibabel.Nifti1Image(values, AFFINE), tmp_path / "head.nii.gz")
    return tmp_path / "head.nii.gz"


def test_a_file_for_a_file(bundle: Path, scan: Path, tmp_path: Path) -> None:
    files = translate(bundle, scan, tmp_path / "out" / "t2.nii.gz")
    assert files == [tmp_path / "out" / "t2.nii.gz"]
    assert sorted(path.name for path in files[0].parent.iterdir()) == ["t2.json", "t2.nii.gz"]
    written = nibabel.load(files[0])
    assert written.get_data_dtype() == np.uint8
    np.testing.assert_allclose(written.affine, AFFINE, atol=1e-6)
    expected = load(bundle)(read_image(scan))
    assert torch.equal(read_image(files[0]).as_tensor(), expected.as_tensor())
    origin = read_provenance(files[0])
    assert origin is not None
    assert (origin.task, origin.source, origin.bundle) == ("translation", "head.nii.gz", "tiny_translator")
    sidecar = json.loads((tmp_path / "out" / "t2.json").read_text())
    assert sidecar["synthetic"] is True
    assert set(sidecar["extra"]["report"]) >= {"units", "warnings", "consistency", "run", "input_intensity"}


@pytest.mark.parametrize("format", ["nii.gz", "nrrd", "dcm"])
def test_a_folder_gets_a_name_of_input_and_bundle(format: str, bundle: Path, scan: Path, tmp_path: Path) -> None:
    source = (
        scan
        if format == "nii.gz"
        else write_image(tmp_path / f"head.{format}", read_image(scan), provenance=Provenance("phantom", "1.0.0"))
    )
    (file,) = translate(bundle, source, tmp_path / "out")
    assert file.name == ("head_tiny_translator" if format == "dcm" else f"head_tiny_translator.{format}")
    result = read_image(file)
    expected = load(bundle)(read_image(source))
    assert result.shape == expected.shape
    np.testing.assert_allclose(result.affine, read_image(source).affine, atol=1e-4)
    assert (result.as_tensor().float() - expected.as_tensor().float()).abs().max() <= 1


def test_uncertainty_lies_beside_the_result(bundle: Path, scan: Path, tmp_path: Path) -> None:
    files = translate(bundle, scan, tmp_path / "t2.nrrd", uncertainty=True)
    assert [file.name for file in files] == ["t2.nrrd", "t2_uncertainty.nrrd"]
    spread = read_image(files[1])
    assert spread.shape == read_image(files[0]).shape
    assert spread.dtype == torch.float32
    assert spread.max() > 1


def test_frames_of_a_4d_file(bundle: Path, tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((12, 12, 5, 3)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(values, AFFINE), tmp_path / "series.nii.gz")
    (file,) = translate(bundle, tmp_path / "series.nii.gz", tmp_path)
    assert nibabel.load(file).shape == (12, 12, 5, 3)


def test_a_picture_stays_a_picture(bundle: Path, tmp_path: Path) -> None:
    pixels = torch.randint(0, 256, (1, 20, 24), generator=torch.manual_seed(0)).byte()
    source = write_image(tmp_path / "slice.png", pixels)
    with pytest.warns(UserWarning, match="neighbouring slices"):
        (file,) = translate(bundle, source, tmp_path / "out")
    assert file.name == "slice_tiny_translator.png"
    result = read_image(file).as_tensor().float()
    low, high = float(pixels.min()), float(pixels.max())
    torch.testing.assert_close(result, 200 * (high - pixels.float()) / (high - low), rtol=0, atol=0.6)


def test_enhancing_writes_the_finer_grid(scan: Path, tmp_path: Path) -> None:
    layer, definition = double(3)
    kind = {"roi_size": [8, 8, 8], "scale": [2, 2, 2], "dtype": "input", "num_slices": 1}
    bundle = build_volume_bundle(
        tmp_path / "bundles",
        "tiny_enhancer",
        "enhancement",
        layer=layer,
        definition=definition,
        num_channels=1,
        volume=kind,
        spatial_dims=3,
        intensity={"in": {"lower": 0.0, "upper": 100.0, "units": "arbitrary"}},
    )
    (file,) = enhance(bundle, scan, tmp_path / "fine.nii.gz")
    fine = nibabel.load(file)
    assert fine.shape == (28, 24, 12)
    np.testing.assert_allclose(np.linalg.norm(fine.affine[:3, :3], axis=0) * 2, np.linalg.norm(AFFINE[:3, :3], axis=0))
    np.testing.assert_allclose(fine.affine @ [0.5, 0.5, 0.5, 1], AFFINE @ [0, 0, 0, 1], atol=1e-5)
    with pytest.raises(InputError, match="is for 'enhancement', which cannot be done here; possible: translation"):
        translate(bundle, scan, tmp_path)


def test_nothing_is_left_of_what_failed(bundle: Path, scan: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    with pytest.raises(Cancelled):
        translate(bundle, scan, out, cancel=lambda: out.exists())
    labels = write_image(tmp_path / "labels.nii.gz", (3 * torch.rand(1, 9, 9, 9)).round().byte())
    with pytest.raises(InputError, match="a mask or a label map"):
        translate(bundle, labels, out)
    assert not out.parent.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"format": "jpg"}, "format='jpg' is unknown"),
        ({"output": "a.nrrd", "format": "dcm"}, "disagree: leave one of them out"),
        ({"input": "missing.nii.gz"}, "does not exist"),
        ({"device": "cuda:99"}, "device='cuda:99' is not there"),
        ({"batch_size": 0}, "batch_size=0 is not possible"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str, bundle: Path, scan: Path, tmp_path: Path) -> None:
    given = {"input": scan, "output": tmp_path / "out", **arguments}
    source, output = tmp_path / given.pop("input"), tmp_path / given.pop("output")
    with pytest.raises(InputError, match=message):
        translate(bundle, source, output, **given)
    assert not (tmp_path / "out").exists()


def test_the_runner_tells_progress_warnings_and_the_report(tmp_path: Path, scan: Path) -> None:
    bundle = build_volume_bundle(tmp_path / "bundles", familiar={"negative_share": [0.5, 1.0]})
    events: list[dict[str, Any]] = []
    request = {"task": "translation", "bundle": str(bundle), "input": str(scan), "output": str(tmp_path / "t2.nii.gz")}
    assert run_request(request, events.append) == 0, events
    warned = [event["text"] for event in events if event["event"] == "warning"]
    assert len(warned) == 1
    assert "does not look like" in warned[0]
    result = next(event for event in events if event["event"] == "result")
    assert result["files"] == [str(tmp_path / "t2.nii.gz")]
    assert result["report"]["warnings"] == warned
    assert [event["fraction"] for event in events if event["event"] == "progress"][-1] == 1.0
    events.clear()
    assert run_request({key: value for key, value in request.items() if key != "input"}, events.append) == 2
    assert "lacks 'input': for task 'translation' it also needs 'input'" in str(events)


def test_meta_tensors_without_a_name_have_no_source(bundle: Path) -> None:
    result = load(bundle)(MetaTensor(torch.rand(1, 9, 9, 9, generator=torch.manual_seed(0))))
    assert "source" not in json.loads(result.meta["provenance"])
