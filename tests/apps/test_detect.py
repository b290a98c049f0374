"""Detection of files: a map and a picture for each, one table, all or nothing."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image
from tiny_detection_bundle import build_detection_bundle

from monai_gan.apps import detect, run_request
from monai_gan.data import read_provenance
from monai_gan.errors import Cancelled, InputError

AFFINE = np.array([[-2.0, 0.2, 0, 4], [0.2, 2.0, 0.2, -7], [0, -0.1, 5.0, 1], [0, 0, 0, 1.0]])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return build_detection_bundle(tmp_path / "bundles")


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    values = 20 * np.random.default_rng(0).random((20, 24, 6)).astype(np.float32)
    values[5:9, 10:14, 2:4] = 180
    nibabel.save(nibabel.Nifti1Image(values, AFFINE), tmp_path / "head.nii.gz")
    return tmp_path / "head.nii.gz"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    values = np.linspace(0, 150, 256).reshape(16, 16).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "slice.png")
    return tmp_path / "slice.png"


def test_each_input_gets_a_map_and_a_picture_and_all_one_table(
    bundle: Path, scan: Path, picture: Path, tmp_path: Path
) -> None:
    files = detect(bundle, [scan, picture], tmp_path / "out")
    names = ["scores.json", "scores.csv", "head_anomaly.nii.gz", "head_anomaly.png"]
    assert [file.name for file in files] == [*names, "slice_anomaly.nii.gz", "slice_anomaly.png"]
    found = nibabel.load(files[2])
    assert found.shape == (20, 24, 6)
    np.testing.assert_allclose(found.affine, AFFINE, atol=1e-5)
    assert np.asarray(found.dataobj)[6, 12, 2] > 1.0
    content = json.loads(files[0].read_text())
    assert content["bundle"]["name"] == bundle.name
    head, flat = content["images"]
    assert len(head["slices"]) == 6
    assert head["regions"][0]["volume_ml"] is not None
    assert (head["percentile"], flat["is_anomalous"]) == (None, True)
    assert flat["regions"][0]["volume_ml"] is None
    with files[1].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["head", "slice"]
    assert [row["percentile"] for row in rows] == ["", "100.0"]
    written = read_provenance(files[2])
    assert written is not None
    assert written.extra["report"] == head["report"]
    overview = np.asarray(Image.open(files[3]))
    assert overview.shape[2] == 3
    assert (overview[..., 0].astype(int) - overview[..., 1]).max() > 100


def test_pictures_of_a_volume_look_the_same_however_it_is_stored(bundle: Path, scan: Path, tmp_path: Path) -> None:
    image = nibabel.load(scan)
    turned = image.as_reoriented(nibabel.orientations.axcodes2ornt("PIR", (("R", "L"), ("A", "P"), ("S", "I"))))
    nibabel.save(turned, tmp_path / "turned.nii.gz")
    files = {file.name: file for file in detect(bundle, [scan, tmp_path / "turned.nii.gz"], tmp_path / "out")}
    one, other = (np.asarray(Image.open(files[f"{name}_anomaly.png"])) for name in ("head", "turned"))
    np.testing.assert_array_equal(one, other)
    red = (one[one.shape[0] // 2 :, :, 0].astype(int) - one[one.shape[0] // 2 :, :, 1]).max(0)
    slices = red.reshape(4, -1)
    middle = slices.shape[1] // 2
    assert slices[:, :middle].max() > slices[:, middle:].max(), "what is on the patient's right is shown on the left"


def test_every_image_of_an_archive_is_judged(bundle: Path, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 200, (3, 16, 16)).astype(np.uint8)
    np.savez(tmp_path / "set.npz", images=images)
    files = detect(bundle, tmp_path / "set.npz", tmp_path / "out")
    names = [image["name"] for image in json.loads(files[0].read_text())["images"]]
    assert names == ["set_0000", "set_0001", "set_0002"]
    assert len(files) == 8


def test_a_failed_or_cancelled_run_leaves_nothing(bundle: Path, scan: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((16, 16), 7, np.uint8)).save(tmp_path / "flat.png")
    output = tmp_path / "out"
    with pytest.raises(InputError, match="'flat': image has the value 7 everywhere"):
        detect(bundle, [scan, tmp_path / "flat.png"], output)
    with pytest.raises(Cancelled):
        detect(bundle, scan, output, cancel=lambda: True)
    with pytest.raises(InputError, match="Two inputs are called 'head'"):
        detect(bundle, [scan, scan], output)
    with pytest.raises(InputError, match="inputs is empty"):
        detect(bundle, [], output)
    assert not output.exists()


def test_the_runner_does_it_too(bundle: Path, picture: Path, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    request = {
        "task": "anomaly_detection",
        "bundle": str(bundle),
        "input": [str(picture)],
        "output": str(tmp_path / "out"),
        "device": "cpu",
        "rate": 0.2,
    }
    assert run_request(request, events.append) == 0
    result = next(event for event in events if event["event"] == "result")
    assert result["images"][0]["is_anomalous"] is True
    assert result["images"][0]["report"]["false_positive_rate"] == 0.2
    assert all(Path(file).is_file() for file in result["files"])
    assert any(event["event"] == "progress" and event["fraction"] == 1.0 for event in events)
    events.clear()
    assert run_request(request | {"rate": 0.01, "output": str(tmp_path / "second")}, events.append) == 2
    assert "cannot be promised by 9 patients" in next(e["text"] for e in events if e["event"] == "error")
