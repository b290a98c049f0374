"""The shipped bundles from image to image: MONAI's verbs on volumes, and the same results as our application."""

from __future__ import annotations

import warnings
from pathlib import Path

import monai.bundle
import nibabel
import numpy as np
import pytest
import torch
from monai.transforms import LoadImage
from spectrum import artefact_ratios, mean_power
from tiny_heads import write_tiny_heads

from monai_gan.apps import load
from monai_gan.apps.train import train
from monai_gan.bundle import BundleInfo, find_bundle, verify_bundle
from monai_gan.bundle.files import METADATA
from monai_gan.data import ForegroundScale, read_provenance
from monai_gan.handlers import load_checkpoint

NAMES = ("brain_t1_to_t2_pix2pix", "brain_t1_to_flair_pix2pix")


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unlike its namesake of the other bundle tests, leave the shipped bundles where they are found."""
    monkeypatch.setenv("MONAI_GAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MONAI_GAN_BUNDLES", raising=False)


@pytest.fixture(params=NAMES)
def shipped(request: pytest.FixtureRequest) -> Path:
    return find_bundle(request.param)


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    return write_tiny_heads(tmp_path / "heads")


def config(bundle: Path, name: str) -> str:
    return str(bundle / "configs" / f"{name}.json")


@pytest.mark.parametrize("kind", ["train", "inference"])
def test_workflow_properties(kind: str, shipped: Path, heads: Path, tmp_path: Path) -> None:
    folder = heads if kind == "train" else heads / "s0" / "ses-1"
    workflow = monai.bundle.ConfigWorkflow(
        config_file=config(shipped, kind),
        meta_file=str(shipped / METADATA),
        workflow_type=kind,
        bundle_root=str(shipped),
        dataset_dir=str(folder),
        output_dir=str(tmp_path / "run"),
        device="cpu",
    )
    workflow.initialize()
    assert workflow.check_properties() == []
    assert workflow.version == BundleInfo.from_path(shipped).version


def test_training_by_monai_equals_training_by_our_command(shipped: Path, heads: Path, tmp_path: Path) -> None:
    changes = {"dataset_dir": str(heads), "max_epochs": 1, "batch_size": 2, "samples_per_epoch": 4}
    theirs = {**changes, "output_dir": str(tmp_path / "monai"), "device": "cpu"}
    monai.bundle.run(config_file=config(shipped, "train"), bundle_root=str(shipped), **theirs)
    bundle = train(shipped.name, tmp_path / "ours", changes, device="cpu")
    assert [check for check in verify_bundle(bundle) if not check.ok] == []
    states = [load_checkpoint(tmp_path / name / "checkpoint.pt")["variant"] for name in ("monai", "ours")]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_inference_by_monai_equals_our_application(shipped: Path, heads: Path, tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    folder.mkdir()
    source = (heads / "s0" / "ses-1" / "T1.nii.gz").rename(folder / "head.nii.gz")
    places = {"dataset_dir": str(folder), "output_dir": str(tmp_path / "out")}
    monai.bundle.run(
        config_file=config(shipped, "inference"), bundle_root=str(shipped), device="cpu", batch_size=3, **places
    )
    (written,) = (tmp_path / "out").glob("*.nii.gz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an unfamiliar head
        expected = load(shipped, "cpu")(LoadImage(image_only=True, ensure_channel_first=True)(source))
    theirs = nibabel.as_closest_canonical(nibabel.load(written))
    ours = nibabel.as_closest_canonical(nibabel.Nifti1Image(expected.numpy()[0], expected.affine.numpy()))
    np.testing.assert_allclose(theirs.affine, ours.affine)
    np.testing.assert_allclose(np.asarray(theirs.dataobj, float), np.asarray(ours.dataobj, float), atol=1)
    origin = read_provenance(written)
    assert origin is not None
    assert (origin.bundle, origin.source) == (shipped.name, "head.nii.gz")


def test_intensities_are_prepared_alike_in_training_and_inference(shipped: Path) -> None:
    stated = ForegroundScale.from_dict(BundleInfo.from_path(shipped).extra["intensity"]["in"])
    for name in ("train", "inference"):
        parser = monai.bundle.ConfigParser(monai.bundle.ConfigParser.load_config_file(config(shipped, name)))
        steps = parser["train::volumes"] if name == "train" else parser["preprocessing::transforms"]
        (scaling,) = (step for step in steps if step["_target_"].endswith("ScaleForegroundd"))
        given = {key: value for key, value in scaling.items() if key not in ("_target_", "keys")}
        assert ForegroundScale(**given) == stated


def test_results_show_no_checkerboard(shipped: Path, heads: Path) -> None:
    # Smooth noise through the network: stripes of its own would stand out of the spectrum.
    network = load(shipped, "cpu").network
    noise = torch.randn(16, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(noise, size=64, mode="bicubic").clamp(-1, 1)
    with torch.inference_mode():
        results = network(smooth)
    assert max(artefact_ratios(mean_power(results))) < 1.25


def test_a_configuration_without_weights_becomes_a_bundle(tmp_path: Path) -> None:
    noise = np.random.RandomState(0)
    for number in range(10):
        folder = tmp_path / "set" / "Task1" / "brain" / f"1B{number:03d}"
        folder.mkdir(parents=True)
        for name, air, scale in (("mr", 0, 300), ("ct", -1000, 1500)):
            values = np.full((24, 28, 6), air, np.float32)
            values[4:-4, 4:-4] = air + scale * noise.rand(16, 20, 6)
            nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / f"{name}.nii.gz")
    size = [32, 32]
    changes = {
        "dataset_dir": str(tmp_path / "set"),
        **{"slice_size": size, "train::augmentations::0::size": size, "train::augmentations::1::size": size},
        **{"max_epochs": 1, "batch_size": 2, "samples_per_epoch": 4},
    }
    bundle = train("head_mr_to_ct_cyclegan", tmp_path / "run", changes, device="cpu")
    assert [check for check in verify_bundle(bundle) if not check.ok] == []
    assert BundleInfo.from_path(bundle).quality == "demo"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = load(bundle, "cpu")(torch.rand(1, 24, 28, 4) * 300, label="MR to CT")
    assert made.shape == (1, 24, 28, 4)
    assert made.min() >= 0
