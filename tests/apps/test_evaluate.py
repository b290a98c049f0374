"""Evaluations from beginning to end, with an extractor that takes no time."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from tiny_bundle import IMAGE_SIZE, read_config, write_config
from tiny_conditional import build_classes_bundle
from tiny_extractor import tiny_extractor
from tiny_images import write_tiny_images

from monai_gan.apps.evaluate import evaluate, report_schema
from monai_gan.apps.jobs import Progress
from monai_gan.bundle import write_checksums
from monai_gan.errors import Cancelled, InputError, WeightsError
from monai_gan.metrics import ClassifierTraining

# Few images, and noise beside noise of another spread: told, but of no interest here.
pytestmark = pytest.mark.filterwarnings("ignore:FID of", "ignore:.*most values lie between")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monai_gan.metrics.load_extractor", tiny_extractor)


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Real images with a split: 20 to train, 12 for the floor, 14 for the reference."""
    path = tmp_path / "real.npz"
    images = np.random.default_rng(0).integers(0, 256, (46, IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    np.savez(path, images=images, split=np.repeat([0, 1, 2], [20, 12, 14]))
    return path


@pytest.fixture
def synthetic(tmp_path: Path) -> Path:
    return write_tiny_images(tmp_path / "synthetic.npz", n=16, size=IMAGE_SIZE, seed=1)


def document(files: list[Path]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(files[0].read_text())
    return content


def volumes(path: Path, n: int, seed: int) -> Path:
    shape = (n, IMAGE_SIZE, IMAGE_SIZE, IMAGE_SIZE)
    np.savez(path, images=np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))
    return path


def test_images_of_files(real: Path, synthetic: Path, tmp_path: Path) -> None:
    files = evaluate(synthetic, tmp_path / "out", real=real, device="cpu")
    assert files == [tmp_path / "out" / "report.json", tmp_path / "out" / "report.html"]
    assert sorted((tmp_path / "out").iterdir()) == sorted(files)
    report = document(files)
    Draft202012Validator.check_schema(report_schema())
    Draft202012Validator(report_schema()).validate(report)
    assert list(report["rows"]) == ["real images (floor)", "this model", "Gaussian per pixel", "PCA Gaussian"]
    assert report["n"] == 12, "every row has as many images as the smallest set"
    assert report["inputs"]["real"] == {"source": str(real), "reference": 14, "floor": 12}
    assert report["inputs"]["baselines"] == {"fitted_to": "training part of the real images", "images": 20}
    assert report["inputs"]["train"] is None, "nobody said what a folder of images was trained on"
    assert report["neighbours"]["against"] == "real images"
    assert next(iter(report["figures"])) == "kid_tiny"
    assert report["figures"]["kid_tiny"]["headline"]


def labelled(path: Path, classes: int) -> Path:
    """Real images with a split and classes, of which every third image shows a bright bar in a place of its own."""
    labels = np.arange(60) % classes
    images = np.random.default_rng(0).integers(0, 120, (60, IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    for label in range(classes):
        images[labels == label, :, 2 * label : 2 * label + 2] += 120
    np.savez(path, images=images, labels=labels, split=np.repeat([0, 1, 2], [24, 18, 18]))
    return path


def test_classes_of_a_conditional_bundle_are_learnt_from_its_images_and_from_real_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = ClassifierTraining(steps=40, channels=(8, 16))
    monkeypatch.setattr("monai_gan.metrics.downstream.ClassifierTraining", lambda: short)
    bundle, real = build_classes_bundle(tmp_path), labelled(tmp_path / "real.npz", 3)
    files = evaluate(bundle, tmp_path / "out", real=real, device="cpu")
    report = document(files)
    Draft202012Validator(report_schema()).validate(report)
    found = report["classes"]
    assert (found["names"], found["train"], found["test"]) == (["brain", "liver", "lung"], 24, 18)
    assert found["real"]["balanced_accuracy"] > 0.9
    assert found["synthetic"]["balanced_accuracy"] < found["real"]["balanced_accuracy"], "the weights are random"
    assert len(found["synthetic"]["recalls"]) == 3
    assert "a classifier of synthetic images" in files[1].read_text(encoding="utf-8")


def test_real_images_of_other_classes_are_compared_without_them(tmp_path: Path) -> None:
    bundle, real = build_classes_bundle(tmp_path), labelled(tmp_path / "real.npz", 2)
    assert document(evaluate(bundle, tmp_path / "out", real=real, device="cpu"))["classes"] is None


def test_a_bundle_is_sampled_and_compared_with_its_own_data(tiny: Path, real: Path, tmp_path: Path) -> None:
    write_config(tiny, "train", {**read_config(tiny, "train"), "dataset_dir": str(real)})
    write_checksums(tiny)
    report = document(evaluate("tiny_dcgan", tmp_path / "out", n=10, device="cpu"))
    Draft202012Validator(report_schema()).validate(report)
    assert list(report["rows"])[1:] == ["this model", "untrained network", "Gaussian per pixel", "PCA Gaussian"]
    assert report["n"] == 10
    made = report["inputs"]["synthetic"]
    assert (made["bundle"], made["version"], made["images"]) == ("tiny_dcgan", "0.1.0", 10)
    assert report["inputs"]["train"] == {"source": str(real), "images": 20}
    assert report["neighbours"]["against"] == "training images"
    assert {"memorisation_tiny", "memorisation_pixels"} <= set(report["figures"])
    quick = document(evaluate("tiny_dcgan", tmp_path / "quick", n=10, memorisation=False, device="cpu"))
    assert "memorisation_pixels" not in quick["figures"]
    assert quick["rows"]["this model"]["kid_tiny"] == report["rows"]["this model"]["kid_tiny"]


def test_other_data_of_a_bundle_say_nothing_of_its_training_images(tiny: Path, real: Path, tmp_path: Path) -> None:
    report = document(evaluate(tiny, tmp_path / "out", real=real, device="cpu"))
    assert report["inputs"]["train"] is None
    assert report["rows"]["untrained network"]


def test_the_same_seed_gives_the_same_report(real: Path, synthetic: Path, tmp_path: Path) -> None:
    first, second = (document(evaluate(synthetic, tmp_path / name, real=real, seed=3, device="cpu")) for name in "ab")
    assert {**first, "date": ""} == {**second, "date": ""}


def test_the_page_stands_alone(tiny: Path, real: Path, tmp_path: Path) -> None:
    page = evaluate(tiny, tmp_path / "out", real=real, device="cpu")[1].read_text()
    assert "<script" not in page
    assert all(source.startswith("data:image/png;base64,") for source in re.findall(r'src="([^"]{0,30})', page))
    assert not re.findall(r"(?:href|src|url)[=(]\W?https?:", page)
    assert page.count("<svg") == 2
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["verdict"]["sentences"][0].replace("'", "&#x27;") in page
    assert "tiny_dcgan 0.1.0" in page
    assert report["reference"]["statistics_sha256"] in page
    for row in report["rows"]:
        assert f"<td>{row}</td>" in page


def test_volumes_are_seen_slice_by_slice(tmp_path: Path) -> None:
    real, synthetic = volumes(tmp_path / "a.npz", 16, 0), volumes(tmp_path / "b.npz", 9, 1)
    report = document(evaluate(synthetic, tmp_path / "out", real=real, spatial_dims=3, device="cpu"))
    Draft202012Validator(report_schema()).validate(report)
    assert report["n"] == 8
    assert report["extractor"]["slice_axis"] == 2
    assert report["inputs"]["images"]["shape"] == [1, IMAGE_SIZE, IMAGE_SIZE, IMAGE_SIZE]


def test_the_same_images_twice_are_told(real: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="26 of 46 synthetic images are equal to real ones"):
        files = evaluate(real, tmp_path / "out", real=real, device="cpu")
    assert any("are equal to real ones" in text for text in document(files)["warnings"])


def test_darker_images_are_told(real: Path, tmp_path: Path) -> None:
    dark = np.random.default_rng(1).integers(0, 40, (16, IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    np.savez(tmp_path / "dark.npz", images=dark)
    with pytest.warns(UserWarning, match="bring both to one scale"):
        evaluate(tmp_path / "dark.npz", tmp_path / "out", real=real, device="cpu")


def with_nan(path: Path) -> Path:
    images = np.random.default_rng(1).uniform(0, 255, (16, IMAGE_SIZE, IMAGE_SIZE)).astype(np.float32)
    images[3, 2, 2] = np.nan
    np.savez(path, images=images)
    return path


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        pytest.param(lambda p: write_tiny_images(p, n=3, size=8), {}, "n=3 images per row are not possible", id="few"),
        pytest.param(lambda p: write_tiny_images(p, n=16, size=8), {"n": 13}, "n=13 images per row", id="n-too-large"),
        pytest.param(lambda p: write_tiny_images(p, n=16, size=8), {"n": 0}, "n=0", id="no-n"),
        pytest.param(lambda p: write_tiny_images(p, n=16, size=8), {"seed": -1}, "seed=-1", id="seed"),
        pytest.param(lambda p: write_tiny_images(p, n=16, size=4), {}, "give image_size", id="size"),
        pytest.param(lambda p: write_tiny_images(p, n=16, size=8, dtype="float32"), {}, "same units", id="units"),
        pytest.param(with_nan, {}, "NaN", id="nan"),
        pytest.param(lambda p: p, {}, "is neither a file nor a folder", id="missing"),
        pytest.param(lambda p: write_tiny_images(p, n=16, size=8), {"real": None}, "no real images", id="no-real"),
    ],
)
def test_bad_input_leaves_nothing(make: Any, options: dict[str, Any], words: str, real: Path, tmp_path: Path) -> None:
    source = make(tmp_path / "bad.npz")
    with pytest.raises(InputError, match=words):
        evaluate(source, tmp_path / "out", **{"real": real, "device": "cpu", **options})
    assert not (tmp_path / "out").exists()


def test_another_size_can_be_resized(real: Path, tmp_path: Path) -> None:
    synthetic = write_tiny_images(tmp_path / "small.npz", n=16, size=16)
    report = document(evaluate(synthetic, tmp_path / "out", real=real, image_size=8, device="cpu"))
    assert report["inputs"]["images"]["shape"] == [1, 8, 8]
    assert report["inputs"]["images"]["resized"]


def test_tampered_weights(tiny: Path, real: Path, tmp_path: Path) -> None:
    (tiny / "models" / "model.pt").write_bytes(b"not weights")
    with pytest.raises(WeightsError):
        evaluate(tiny, tmp_path / "out", real=real, device="cpu")
    assert not (tmp_path / "out").exists()


def test_progress_rises_and_a_cancel_leaves_nothing(tiny: Path, real: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluate(tiny, tmp_path / "out", real=real, device="cpu", progress=seen.append)
    fractions = [one.fraction for one in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert {"loading", "measuring", "writing"} == {one.phase for one in seen}
    for stop in (1, len(seen) // 2, len(seen) - 1):
        calls = iter(range(10**6))
        with pytest.raises(Cancelled):
            evaluate(
                tiny,
                tmp_path / "no",
                real=real,
                device="cpu",
                cancel=lambda calls=calls, stop=stop: next(calls) >= stop,
            )
        assert not (tmp_path / "no").exists()
