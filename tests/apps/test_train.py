"""Training a bundle: what it leaves, that it goes on where it stopped, and what it says when it cannot."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_bundle import read_config, write_config
from tiny_images import write_tiny_images

from monai_gan.apps import load
from monai_gan.apps.jobs import Progress
from monai_gan.apps.runner import run_request
from monai_gan.apps.synthesize import synthesize
from monai_gan.apps.train import train
from monai_gan.bundle import verify_bundle, write_checksums
from monai_gan.engines import GANTrainer
from monai_gan.errors import Cancelled, InputError, MonaiGanError, NonFiniteLossError, WeightsError
from monai_gan.handlers import load_checkpoint
from monai_gan.variants import LatentGAN

Train = Callable[..., Path]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Twenty images: five iterations per epoch."""
    return write_tiny_images(tmp_path / "images.npz")


@pytest.fixture
def run(tiny: Path, images: Path, tmp_path: Path) -> Train:
    """Train the tiny bundle on ``images`` for two epochs: ``run(cancel=..., max_epochs=3)``."""

    def start(output: str = "run", **arguments: Any) -> Path:
        own = {name: arguments.pop(name) for name in ("progress", "cancel", "trust", "weights") if name in arguments}
        overrides = {"dataset_dir": str(images), **arguments.pop("overrides", {}), **arguments}
        return train("tiny_dcgan", tmp_path / output, overrides, device="cpu", **{"trust": True, **own})

    return start


def after(iterations: int) -> Callable[[], bool]:
    """A cancel that says yes when it is asked for the n-th time."""
    asked = iter(range(1, 1_000_000))
    return lambda: next(asked) >= iterations


def edit(root: Path, name: str, change: Callable[[dict[str, Any]], Any]) -> None:
    content = read_config(root, name)
    change(content)
    write_config(root, name, content)
    write_checksums(root)


def test_the_variant_readies_the_weights_that_are_exported(run: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def settle(variant: LatentGAN) -> None:
        weight = next(variant.generator.parameters())
        assert not weight.requires_grad, "these are the averages"
        weight.fill_(0.25)

    monkeypatch.setattr(LatentGAN, "settle", settle)
    network = load(run(), trust=True).network
    assert float(next(network.parameters()).unique()) == 0.25


def test_the_folder_of_a_run(run: Train, tmp_path: Path) -> None:
    told: list[Progress] = []
    bundle = run(progress=told.append)
    assert bundle == tmp_path / "run" / "tiny_dcgan"
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "checkpoint.pt",
        "losses.jsonl",
        "samples_0000.json",
        "samples_0000.png",
        "samples_0001.json",
        "samples_0001.png",
        "samples_0002.json",
        "samples_0002.png",
        "tiny_dcgan",
    ]
    lines = [json.loads(line) for line in (tmp_path / "run" / "losses.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == list(range(1, 11))
    assert load_checkpoint(tmp_path / "run" / "checkpoint.pt")["iteration"] == 10
    assert [progress.fraction for progress in told] == pytest.approx([n / 10 for n in range(1, 11)])
    assert told[-1].message == "epoch 2 of 2"
    assert told[-1].seconds_left == 0


def test_the_new_bundle_is_complete_and_synthesizes(run: Train, tiny: Path, tmp_path: Path) -> None:
    bundle = run()
    assert [check for check in verify_bundle(bundle) if not check.ok] == []
    averaged = load_checkpoint(tmp_path / "run" / "checkpoint.pt")["ema"]["networks"]["generator"]
    stored = torch.load(bundle / "models" / "model.pt", weights_only=True)
    assert all(torch.equal(stored[name], averaged[name].to(stored[name].dtype)) for name in averaged)
    files = synthesize(bundle, 2, tmp_path / "out", device="cpu")
    sidecar = json.loads(files[0].with_suffix(".json").read_text())
    assert sidecar["bundle"] == "tiny_dcgan"
    assert not torch.equal(load(bundle, "cpu").sample(2), load(tiny, "cpu").sample(2))


def test_the_new_bundle_tells_of_its_own_training(run: Train, images: Path, tmp_path: Path) -> None:
    bundle = run(**{"train::trainer::precision": "bf16", "max_epochs": "1"})
    extra = read_config(bundle, "metadata")["monai_gan"]
    assert extra["metrics"] == []
    assert "information" not in extra
    assert extra["quality"] == "demo"
    training = extra["training"]
    assert {key: training[key] for key in ("steps", "device", "seed")} == {"steps": 5, "device": "cpu", "seed": 0}
    assert training["data"] == f"{images}, 20 images"
    assert training["command"] == (
        f"monai-gan train tiny_dcgan -o {tmp_path / 'run'} dataset_dir={images} "
        "train::trainer::precision=bf16 max_epochs=1 --device cpu --trust"
    )
    card = (bundle / "docs" / "README.md").read_text()
    assert card.startswith("> **These weights are the result of a user's own training** (5 steps, finished 2")
    assert card.endswith("# Tiny DCGAN\n\nFor tests only.\n")


@pytest.mark.parametrize("key", ["train::dataset::source", "train#dataset#source"])
def test_the_data_of_the_training_are_named_however_they_were_given(key: str, run: Train, tmp_path: Path) -> None:
    other = write_tiny_images(tmp_path / "other.npz", n=24)
    training = read_config(run(overrides={key: str(other)}), "metadata")["monai_gan"]["training"]
    assert training["data"] == f"{other}, 24 images"


def test_a_bundle_trained_twice_has_one_note(run: Train, images: Path, tmp_path: Path) -> None:
    once = run()
    overrides = {"dataset_dir": str(images), "max_epochs": 1}
    twice = train(once, tmp_path / "again", overrides, device="cpu", trust=True)
    card = (twice / "docs" / "README.md").read_text()
    assert card.count("own training") == 1
    assert "(5 steps" in card


def test_a_configuration_without_weights_becomes_a_bundle_that_does_not_say_so(run: Train, tiny: Path) -> None:
    metadata = read_config(tiny, "metadata")
    metadata["monai_gan"] |= {"quality": "untrained", "limits": ["No weights: to be trained.", "Grey images only."]}
    write_config(tiny, "metadata", metadata)
    note = "**No weights yet:** train it and\nuse that:\n\n```\nmonai-gan train tiny\n```\n\n"
    (tiny / "docs" / "README.md").write_text(f"# Tiny\n\n{note}## Use\n\n```\nrun\n```\n")
    bundle = run()
    extra = read_config(bundle, "metadata")["monai_gan"]
    assert (extra["quality"], extra["limits"]) == ("demo", ["Grey images only."])
    card = (bundle / "docs" / "README.md").read_text()
    assert card.endswith("# Tiny\n\n## Use\n\n```\nrun\n```\n")
    assert "Nothing has been" in card
    assert "shipped" not in card


def test_the_intensity_is_that_of_the_data(run: Train, tmp_path: Path) -> None:
    other = write_tiny_images(tmp_path / "float.npz", dtype="float32")
    extra = read_config(run(dataset_dir=str(other)), "metadata")["monai_gan"]["intensity"]
    images = np.load(other)["images"]
    assert extra["minimum"] == pytest.approx(np.percentile(images, 0.1), abs=1)
    assert extra["maximum"] == pytest.approx(np.percentile(images, 99.9), abs=1)
    assert extra["units"] == "arbitrary"


@pytest.mark.parametrize("as_file", [False, True])
def test_training_begins_with_given_weights(as_file: bool, run: Train, tiny: Path, tmp_path: Path) -> None:
    weights = tiny / "models" / "model.pt" if as_file else tiny
    still = {"optimizers::generator::lr": 0.0, "max_epochs": 1}
    bundle = run(weights=weights, overrides=still)
    given = torch.load(tiny / "models" / "model.pt", weights_only=True)
    learned = {name for name, _ in load(tiny, "cpu", trust=True).network.named_parameters()}
    state = load_checkpoint(tmp_path / "run" / "checkpoint.pt")
    for source in (state["variant"], {f"generator.{k}": v for k, v in state["ema"]["networks"]["generator"].items()}):
        assert all(torch.equal(source[f"generator.{name}"].to(given[name].dtype), given[name]) for name in learned)
    training = read_config(bundle, "metadata")["monai_gan"]["training"]
    assert training["command"].endswith(f"--weights {weights}")
    digest = hashlib.sha256((tiny / "models" / "model.pt").read_bytes()).hexdigest()
    assert training["initial_weights"] == f"SHA-256 {digest}"
    again = read_config(run(output="other", max_epochs=1), "metadata")["monai_gan"]["training"]
    assert "initial_weights" not in again


def test_a_resumed_training_keeps_what_it_has_learned(run: Train, tiny: Path, tmp_path: Path) -> None:
    whole = run(weights=tiny, max_epochs=2)
    with pytest.raises(Cancelled):
        run(output="other", weights=tiny, max_epochs=2, cancel=after(7))
    resumed = run(output="other", weights=tiny, max_epochs=2)
    assert (whole / "models" / "model.pt").read_bytes() == (resumed / "models" / "model.pt").read_bytes()


def test_weights_that_do_not_fit(run: Train, tmp_path: Path) -> None:
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"other.pt' do not fit network_def: they lack"):
        run(weights=tmp_path / "other.pt")
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="no_such_bundle"):
        run(weights="no_such_bundle")


def test_data_in_the_folder_of_the_bundle_stays_there(run: Train, tiny: Path) -> None:
    shutil.copytree(write_tiny_images(tiny / "data" / "private.npz").parent, tiny / "runs")
    bundle = run(dataset_dir=str(tiny / "data"))
    assert sorted(path.name for path in bundle.iterdir()) == ["LICENSE", "configs", "docs", "models"]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        pytest.param({"max_epochs": 3}, {"epochs": 3}, id="number"),
        pytest.param({"max_epochs": "3"}, {"epochs": 3}, id="text"),
        pytest.param({"train::trainer::max_epochs": 3}, {"epochs": 3}, id="long-id"),
        pytest.param({"precision": "bf16"}, {"precision": "bf16"}, id="word"),
        pytest.param({"train#trainer#precision": "bf16"}, {"precision": "bf16"}, id="old-separator"),
        pytest.param({"train::trainer::n_critic": "2"}, {"n_critic": 2}, id="argument-that-is-not-written-down"),
        pytest.param({"optimizers::generator::betas": "[0.1, 0.2]"}, {"betas": (0.1, 0.2)}, id="list"),
    ],
)
def test_overrides_reach_the_trainer(
    overrides: dict[str, Any], expected: dict[str, Any], run: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def look(trainer: GANTrainer) -> None:
        seen.update(epochs=trainer.state.max_epochs, precision=trainer.precision, n_critic=trainer.n_critic)
        seen["betas"] = tuple(trainer.optimizers["generator"].param_groups[0]["betas"])

    monkeypatch.setattr(GANTrainer, "run", look)
    run(overrides=overrides)
    assert expected.items() <= seen.items()


@pytest.mark.parametrize("stop", [2, 5, 7], ids=["in-the-first-epoch", "at-its-end", "in-the-second"])
def test_interrupted_and_resumed_equals_uninterrupted(stop: int, run: Train, tmp_path: Path) -> None:
    whole = run("whole", cancel=lambda: False)
    with pytest.raises(Cancelled, match=rf"stopped at iteration {stop}; the checkpoint is .*checkpoint\.pt") as caught:
        run("parts", cancel=after(stop))
    assert caught.value.exit_code == 40
    assert caught.value.hint == "Run the same command again to go on."
    assert not (tmp_path / "parts" / "tiny_dcgan").exists()
    assert load_checkpoint(tmp_path / "parts" / "checkpoint.pt")["iteration"] == stop
    told: list[Progress] = []
    parts = run("parts", progress=told.append)
    assert told[0].fraction == pytest.approx((stop + 1) / 10)
    assert (parts / "models" / "model.pt").read_bytes() == (whole / "models" / "model.pt").read_bytes()
    assert read_config(parts, "metadata")["monai_gan"]["training"]["steps"] == 10
    logs = [(tmp_path / name / "losses.jsonl").read_text().splitlines() for name in ("whole", "parts")]
    records = [[{**json.loads(line), "images_per_second": 0} for line in log] for log in logs]
    assert records[0] == records[1]


def test_a_complete_run_is_exported_again_and_goes_on_with_more_epochs(run: Train) -> None:
    first = (run() / "models" / "model.pt").read_bytes()
    assert (run() / "models" / "model.pt").read_bytes() == first
    longer = run(max_epochs=3)
    assert (longer / "models" / "model.pt").read_bytes() != first
    assert read_config(longer, "metadata")["monai_gan"]["training"]["steps"] == 15


def test_a_bundle_that_keeps_no_checkpoint_does_not_promise_one(run: Train, tiny: Path) -> None:
    edit(tiny, "train", lambda config: config["train"].update(handlers=[]))
    with pytest.raises(Cancelled, match="keeps no checkpoint") as caught:
        run(cancel=after(1))
    assert not caught.value.hint


def with_nan(path: Path) -> Path:
    images = np.zeros((20, 8, 8), dtype=np.float32)
    images[3, 2, 2] = np.nan
    images[4] = 1
    np.savez(path, images=images, split=np.zeros(20, dtype=np.int64))
    return path


def in_colour(path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 255, (20, 8, 8, 3), dtype=np.uint8)
    np.savez(path, images=images, split=np.zeros(20, dtype=np.int64))
    return path


def volumes(path: Path) -> Path:
    np.savez(path, images=np.zeros((20, 8, 8, 8), dtype=np.uint8), split=np.zeros(20, dtype=np.int64))
    return path


def empty_folder(path: Path) -> Path:
    path.mkdir()
    return path


def corrupt_volume(path: Path) -> Path:
    path.mkdir()
    (path / "scan.nii.gz").write_bytes(b"\x1f\x8bno")
    return path


@pytest.mark.parametrize(
    ("make", "text"),
    [
        pytest.param(lambda path: path, r"source '.*data' is neither a file nor a folder", id="missing"),
        pytest.param(empty_folder, r"data' holds no", id="empty-folder"),
        pytest.param(corrupt_volume, r"scan\.nii\.gz' cannot be read", id="corrupt-volume"),
        pytest.param(lambda path: with_nan(path.with_suffix(".npz")), r"image 3 of .*NaN", id="nan"),
        pytest.param(lambda path: in_colour(path.with_suffix(".npz")), r"not 1 channel\(s\) in 2", id="channels"),
        pytest.param(lambda path: volumes(path.with_suffix(".npz")), r"not 1 channel\(s\) in 2", id="volumes"),
    ],
)
def test_data_that_cannot_be_trained_on(make: Callable[[Path], Path], text: str, run: Train, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=text):
        run(dataset_dir=str(make(tmp_path / "data")))
    assert not (tmp_path / "run").exists(), "nothing half written"


@pytest.mark.parametrize("folder", [None, "nowhere"], ids=["unset", "absent"])
def test_a_named_set_needs_the_folder_of_sets(
    folder: str | None, run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MONAI_GAN_DATA", raising=False)
    if folder:
        monkeypatch.setenv("MONAI_GAN_DATA", str(tmp_path / folder))
    with pytest.raises(InputError, match="source 'mednist64/CXR' is neither .*MONAI_GAN_DATA"):
        run(dataset_dir="mednist64/CXR")


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        pytest.param({"max_epoch": 3}, "did you mean 'max_epochs'", id="unknown"),
        pytest.param({"train::trainer::precison": "bf16"}, "'train::trainer::precision'", id="unknown-argument"),
        pytest.param({"batch_size": 21}, "batch_size=21 needs 21 images, but the dataset has 20", id="large-batch"),
        pytest.param({"batch_size": 1.5}, "batch_size=1.5 is not possible", id="broken-batch"),
        pytest.param({"max_epochs": 0}, "max_epochs=0 must be a whole number", id="no-epoch"),
        pytest.param({"max_epochs": "many"}, "max_epochs=many is not a number", id="wrong-type"),
        pytest.param({"precision": "fp8"}, "precision='fp8' is unknown", id="precision"),
        pytest.param({"train::dataset::image_size": 16}, r"size \[16, 16\] does not fit", id="size-of-the-images"),
        pytest.param({"network_def::channels": 8}, "change network_def in both", id="not-the-network-of-inference"),
        pytest.param({"device": "cpu"}, "give device", id="own-argument"),
        pytest.param({"output_dir": "x"}, "give output", id="own-output"),
    ],
)
def test_overrides_that_cannot_be_used(overrides: dict[str, Any], text: str, run: Train) -> None:
    with pytest.raises(InputError, match=text):
        run(overrides=overrides)


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        pytest.param({"discriminator_def::channels": 8}, "belongs to other networks", id="networks"),
        pytest.param({"batch_size": 5}, "5 iterations per epoch, this run 4", id="batches"),
        pytest.param({"precision": "fp16"}, r"does not fit scalers", id="no-loss-scale"),
    ],
)
def test_a_checkpoint_of_another_configuration(overrides: dict[str, Any], text: str, run: Train) -> None:
    run(max_epochs=1)
    with pytest.raises(InputError, match=text) as caught:
        run(overrides=overrides)
    assert "choose a new output folder" in str(caught.value)


def test_a_damaged_checkpoint(run: Train, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"PK broken")
    with pytest.raises(InputError, match=r"checkpoint\.pt is damaged or unsafe"):
        run()


def test_a_line_that_was_cut_off_does_not_stop_a_resumed_run(run: Train, tmp_path: Path) -> None:
    run(max_epochs=1)
    with (tmp_path / "run" / "losses.jsonl").open("a") as log:
        log.write('{"iteration": 6, "epo')
    run()
    assert len((tmp_path / "run" / "losses.jsonl").read_text().splitlines()) == 10


def test_an_output_that_cannot_be_written(run: Train, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/run' cannot be written \(Not a directory\)"):
        run("file/run")


def test_a_missing_file_is_told_before_the_training(run: Train, tiny: Path) -> None:
    (tiny / "LICENSE").unlink()
    with pytest.raises(InputError, match=r"'LICENSE' of bundle 'tiny_dcgan' is missing.*write_checksums"):
        run()


def test_the_bundle_that_is_trained_is_not_replaced(run: Train, tiny: Path) -> None:
    before = (tiny / "models" / "model.pt").read_bytes()
    with pytest.raises(InputError, match="would replace the bundle that is trained"):
        run("bundles")
    assert (tiny / "models" / "model.pt").read_bytes() == before


def test_a_folder_that_is_no_bundle_is_not_replaced(run: Train, tmp_path: Path) -> None:
    (tmp_path / "run" / "tiny_dcgan").mkdir(parents=True)
    with pytest.raises(InputError, match="exists and is no bundle"):
        run()


def test_code_of_an_outside_bundle_needs_trust(run: Train, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"runs code.*--trust"):
        run(trust=False)
    assert not (tmp_path / "run").exists()


def test_a_configuration_without_a_place_for_its_output(run: Train, tiny: Path) -> None:
    def remove(config: dict[str, Any]) -> None:
        del config["output_dir"]
        config["train"]["handlers"] = []

    edit(tiny, "train", remove)
    with pytest.raises(InputError, match="train.json has no 'output_dir'"):
        run()


def test_a_loss_that_is_not_finite_stops_with_one_sentence(
    run: Train, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(NonFiniteLossError, match=r"Loss '\w+/adversarial' became (nan|inf) at iteration \d") as caught,
    ):
        run(learning_rate=1e30)
    assert caught.value.exit_code == 30
    assert "Lower the learning rate" in caught.value.hint
    assert not caplog.records
    assert not (tmp_path / "run" / "tiny_dcgan").exists()


def test_the_end_of_another_process_is_told_in_one_sentence(run: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(trainer: GANTrainer) -> None:
        trainer.world_size = 2
        raise torch.distributed.DistBackendError("connection reset")

    monkeypatch.setattr(GANTrainer, "run", lose)
    text = r"Another process .* of 'tiny_dcgan' has ended.* the same command goes on .*\(connection reset\)"
    with pytest.raises(MonaiGanError, match=text) as caught:
        run()
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("change", "code", "last"),
    [
        pytest.param({}, 0, "done", id="done"),
        pytest.param({"learning_rate": 1e30}, 30, "failed", id="not-finite"),
        pytest.param({"batch_size": 99}, 2, "failed", id="large-batch"),
    ],
)
def test_training_as_a_job(
    change: dict[str, Any], code: int, last: str, tiny: Path, images: Path, tmp_path: Path
) -> None:
    events: list[dict[str, Any]] = []
    overrides = {"dataset_dir": str(images), **change}
    request = {"task": "training", "bundle": str(tiny), "output": str(tmp_path / "run"), "overrides": overrides}
    assert run_request({**request, "device": "cpu", "trust": True}, events.append) == code
    assert events[-1] == {"event": "state", "state": last}
    if code == 0:
        assert sum(event["event"] == "progress" for event in events) == 10
        assert events[-2]["files"] == [str(tmp_path / "run" / "tiny_dcgan")]
