"""The bundles that ship with the package: our rules, MONAI's own verbs on them as they are, and their images."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monai.bundle
import numpy as np
import pytest
import torch
from PIL import Image
from spectrum import artefact_ratios, mean_power
from tiny_images import write_tiny_images

from monai_gan.apps import load
from monai_gan.apps.synthesize import synthesize
from monai_gan.apps.train import train
from monai_gan.bundle import BundleInfo, find_bundle, load_network, pack_bundle, verify_bundle
from monai_gan.bundle.checksums import bundle_files
from monai_gan.bundle.files import METADATA, WEIGHTS, read_json
from monai_gan.bundle.locate import packaged_roots
from monai_gan.bundle.rules.content import META_SCHEMA, META_SCHEMA_SHA256
from monai_gan.errors import WeightsError
from monai_gan.handlers import load_checkpoint

SYNTHESIS = ("chest_xray_wgan_gp", "chest_xray_dcgan")
#: All bundles, with the licence of their weights.
LICENCES = dict.fromkeys(SYNTHESIS, "CC BY-SA 4.0") | {
    "brain_t1_to_t2_pix2pix": "CC BY 4.0",
    "brain_t1_to_flair_pix2pix": "CC BY 4.0",
    "brain_mri_srgan_x2": "CC BY 4.0",
    "brain_mri_denoise": "CC BY 4.0",
    "hippocampus_srgan_x2_3d": "CC BY-SA 4.0",
    "hippocampus_wgan_gp_3d": "CC BY-SA 4.0",
    "pneumonia_vanilla_gan": "CC BY 4.0",
    "brain_tumor_fanogan": "CC BY 3.0",
    "head_ct_fanogan": "CC BY-SA 4.0",
    "chest_xray_pneumonia_fanogan": "CC BY 4.0",
    "hippocampus_fanogan_3d": "CC BY-SA 4.0",
    "chest_xray_infogan": "CC BY-SA 4.0",
    "chest_xray_began": "CC BY-SA 4.0",
    "mednist_cgan": "CC BY-SA 4.0",
    "head_ct_pggan": "CC BY-SA 4.0",
    "mednist_biggan": "CC BY-SA 4.0",
    "pneumonia_cgan": "CC BY 4.0",
    "chest_xray_stylegan2_ada": "CC BY-SA 4.0",
    "breast_us_stylegan2_ada": "CC BY 4.0",
    "brain_mri_stylegan2_ada": "CC BY 4.0",
    "brain_tumor_ganomaly": "CC BY 3.0",
    "brain_t1_t2_cyclegan": "CC BY 4.0",
}
#: Those with spectral normalisation or fused operations, which TorchScript cannot read from source.
TRACED = ("mednist_biggan", "chest_xray_stylegan2_ada", "breast_us_stylegan2_ada", "brain_mri_stylegan2_ada")
#: Configurations without weights.
UNTRAINED = sorted(
    path.parents[1].name
    for root in packaged_roots()
    for path in root.glob(f"*/{METADATA}")
    if read_json(path)["monai_gan"]["quality"] == "untrained"
)


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unlike its namesake of the other bundle tests, leave the shipped bundles where they are found."""
    monkeypatch.setenv("MONAI_GAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MONAI_GAN_BUNDLES", raising=False)


@pytest.fixture(params=LICENCES)
def shipped(request: pytest.FixtureRequest) -> Path:
    return find_bundle(request.param)


@pytest.fixture(params=SYNTHESIS)
def synthesis(request: pytest.FixtureRequest) -> Path:
    """A bundle from latents to images."""
    return find_bundle(request.param)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Sixty-four images of the bundles' size."""
    return write_tiny_images(tmp_path / "images.npz", n=64, size=64)


def config(bundle: Path, name: str) -> str:
    return str(bundle / "configs" / f"{name}.json")


def inputs_of(bundle: Path, n: int = 2) -> torch.Tensor:
    """Noise in the form that the bundle's network takes."""
    inputs = BundleInfo.from_path(bundle).metadata["network_data_format"]["inputs"]["image"]
    return torch.randn(n, inputs["num_channels"], *inputs["spatial_shape"])


@torch.inference_mode()
def output(network: torch.nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    image = network.eval()(inputs)
    assert isinstance(image, torch.Tensor)
    return image


def test_all_shipped_bundles_are_looked_at() -> None:
    found = {path.parents[1].name for root in packaged_roots() for path in root.glob(f"*/{METADATA}")}
    assert found == {*LICENCES, *UNTRAINED}


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_configuration_without_weights_keeps_every_rule_and_says_so(name: str) -> None:
    bundle = find_bundle(name)
    assert [check for check in verify_bundle(bundle) if not check.ok] == []
    assert "configuration only" in next(check.detail for check in verify_bundle(bundle) if check.name == "layout")
    note = (bundle / "docs" / "README.md").read_text(encoding="utf-8").partition("**No weights yet:**")[2]
    assert note.partition("```\n")[2].startswith("monai-gan train "), "what a training of it takes out of the card"
    with pytest.raises(WeightsError, match="configuration only, without weights: train it"):
        load(bundle, "cpu")


def test_every_rule_is_kept(shipped: Path) -> None:
    assert [check for check in verify_bundle(shipped) if not check.ok] == []


def test_the_folder_is_small_and_the_weights_are_half_precision(shipped: Path) -> None:
    assert sum((shipped / name).stat().st_size for name in [METADATA, *bundle_files(shipped)]) <= 5_000_000
    state = torch.load(shipped / WEIGHTS, weights_only=True)
    assert {tensor.dtype for tensor in state.values() if tensor.is_floating_point()} == {torch.float16}


def test_a_bundle_with_weights_has_figures_and_says_how_it_was_trained(shipped: Path) -> None:
    info = BundleInfo.from_path(shipped)
    assert info.quality in ("release", "demo")
    assert info.extra["metrics"]
    training = info.extra["training"]
    assert training["steps"] > 0
    assert training["seconds"] > 0
    for metric in info.extra["metrics"]:
        assert metric["split"] == "test"
        assert f"{metric['value']:.3f}" in info.model_card, f"the card tells {metric['name']}"
    assert LICENCES[shipped.name] in (shipped / "docs" / "data_license.txt").read_text()


def test_verify_metadata(shipped: Path, tmp_path: Path) -> None:
    schema = shutil.copy(META_SCHEMA, tmp_path / "schema.json")
    monai.bundle.verify_metadata(
        meta_file=str(shipped / METADATA), filepath=schema, hash_val=META_SCHEMA_SHA256, hash_type="sha256"
    )


def test_verify_net_in_out(shipped: Path) -> None:
    files = {"meta_file": str(shipped / METADATA), "config_file": config(shipped, "inference")}
    monai.bundle.verify_net_in_out(net_id="network_def", device="cpu", **files)


@pytest.mark.parametrize(
    ("verb", "more"),
    [
        pytest.param(monai.bundle.run, {}, id="run"),
        pytest.param(monai.bundle.run_workflow, {"workflow_type": "inference"}, id="run_workflow"),
    ],
)
def test_inference_writes_what_synthesize_writes(
    verb: Callable[..., None], more: dict[str, Any], synthesis: Path, tmp_path: Path
) -> None:
    # Whole batches of the size that synthesize uses: in another, the rounding of a pixel can turn out differently.
    n = 2 * read_json(synthesis / "configs" / "inference.json")["batch_size"]
    changes = {"n": n, "seed": 5, "output_dir": str(tmp_path / "monai"), "device": "cpu"}
    verb(config_file=config(synthesis, "inference"), bundle_root=str(synthesis), **changes, **more)
    files = synthesize(synthesis, n, tmp_path / "ours", seed=5, device="cpu")
    assert len(files) == n
    for ours in files:
        theirs = tmp_path / "monai" / ours.name
        pictures = [Image.open(path) for path in (ours, theirs)]
        np.testing.assert_array_equal(np.asarray(pictures[0]), np.asarray(pictures[1]))
        assert pictures[1].info["Description"].startswith(f"SYNTHETIC {synthesis.name} ")
        sidecars = [json.loads(path.with_suffix(".json").read_text()) for path in (ours, theirs)]
        assert sidecars[1]["checksum"] == BundleInfo.from_path(synthesis).weights_sha256
        told = ("synthetic", "bundle", "version", "checksum", "seed", "index", "task")
        assert [sidecars[1][key] for key in told] == [sidecars[0][key] for key in told]


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_ckpt_export(shipped: Path, tmp_path: Path) -> None:
    script, inputs = tmp_path / "model.ts", inputs_of(shipped)
    monai.bundle.ckpt_export(
        net_id="network_def",
        filepath=str(script),
        ckpt_file=str(shipped / WEIGHTS),
        meta_file=str(shipped / METADATA),
        config_file=config(shipped, "inference"),
        bundle_root=str(shipped),
        use_trace=shipped.name in TRACED,
        input_shape=list(inputs.shape),
    )
    exported = torch.jit.load(str(script))  # type: ignore[no-untyped-call]
    # A script may order its sums in another way.
    torch.testing.assert_close(output(exported, inputs), output(load_network(shipped), inputs), rtol=1e-5, atol=1e-5)


def test_download_and_load(shipped: Path, tmp_path: Path) -> None:
    archive = pack_bundle(shipped, tmp_path)
    name = shipped.name
    monai.bundle.download(name=name, url=archive.as_uri(), bundle_dir=str(tmp_path / "down"), progress=False)
    inputs = inputs_of(shipped)
    expected = output(load_network(shipped), inputs)
    theirs = monai.bundle.load(name, bundle_dir=str(tmp_path / "down"), device="cpu")
    torch.testing.assert_close(output(theirs, inputs), expected, rtol=0, atol=0)
    ours = load_network(tmp_path / "down" / name)
    torch.testing.assert_close(output(ours, inputs), expected, rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["train", "inference"])
def test_workflow_properties(kind: str, synthesis: Path, images: Path, tmp_path: Path) -> None:
    changes = {"dataset_dir": str(images), "output_dir": str(tmp_path / "run"), "device": "cpu", "batch_size": 8}
    workflow = monai.bundle.ConfigWorkflow(
        config_file=config(synthesis, kind),
        meta_file=str(synthesis / METADATA),
        workflow_type=kind,
        bundle_root=str(synthesis),
        **changes,
    )
    workflow.initialize()
    assert workflow.check_properties() == []
    assert workflow.version == BundleInfo.from_path(synthesis).version


def test_training_by_monai_equals_training_by_our_command(synthesis: Path, images: Path, tmp_path: Path) -> None:
    changes = {"dataset_dir": str(images), "max_epochs": 1, "batch_size": 8, "train::trainer::epoch_length": 3}
    theirs = {**changes, "output_dir": str(tmp_path / "monai"), "device": "cpu"}
    monai.bundle.run(config_file=config(synthesis, "train"), bundle_root=str(synthesis), **theirs)
    bundle = train(synthesis.name, tmp_path / "ours", changes, device="cpu")
    assert [check for check in verify_bundle(bundle) if not check.ok] == []
    states = [load_checkpoint(tmp_path / name / "checkpoint.pt")["variant"] for name in ("monai", "ours")]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def torchrun(*words: str, cwd: Path) -> str:
    """Run a module in two processes on the CPU and give what was printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "GLOO_SOCKET_IFNAME": "lo"}
    program = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m"]
    result = subprocess.run(
        [*program, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=180
    )
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    return result.stdout


def logged(folder: Path) -> list[int]:
    return [json.loads(line)["iteration"] for line in (folder / "losses.jsonl").read_text().splitlines()]


@pytest.mark.learning
def test_two_processes_by_monai(images: Path, tmp_path: Path) -> None:
    bundle = find_bundle("chest_xray_wgan_gp")
    torchrun(
        *("monai.bundle", "run", "--bundle_root", str(bundle)),
        *("--config_file", "['configs/train.json','configs/multi_gpu_train.json']"),
        *("--dataset_dir", str(images), "--output_dir", str(tmp_path / "run")),
        *("--max_epochs", "1", "--batch_size", "8", "--train::handlers::1::iterations", "1"),
        cwd=bundle,
    )
    assert load_checkpoint(tmp_path / "run" / "checkpoint.pt")["iteration"] == 4
    assert logged(tmp_path / "run") == [1, 2, 3, 4]


@pytest.mark.learning
def test_two_processes_by_our_command(images: Path, tmp_path: Path) -> None:
    changes = ("max_epochs=1", "batch_size=8", "train::handlers::1::iterations=1", f"dataset_dir={images}")
    out = torchrun("monai_gan", "train", "chest_xray_dcgan", "-o", "run", *changes, cwd=tmp_path)
    assert out.count("Trained: ") == 1
    folder = tmp_path / "run"
    assert logged(folder) == [1, 2, 3, 4]
    assert {path.name for path in folder.iterdir()} == {
        "checkpoint.pt",
        "losses.jsonl",
        "samples_0000.json",
        "samples_0000.png",
        "chest_xray_dcgan",
    }
    bundle = folder / "chest_xray_dcgan"
    assert [check for check in verify_bundle(bundle) if not check.ok] == []
    command = BundleInfo.from_path(bundle).extra["training"]["command"]
    assert command.startswith("torchrun --nproc_per_node 2 -m monai_gan train chest_xray_dcgan -o run max_epochs=1")


def test_samples_show_no_checkerboard(synthesis: Path) -> None:
    samples = load(synthesis, "cpu").sample(48, seed=1)
    ratios = artefact_ratios(mean_power(samples))
    assert max(ratios) < 1.15
    striped = samples.clone()
    striped[..., ::2] += 3  # of 255 grey levels
    assert max(artefact_ratios(mean_power(striped))) > 1.25
