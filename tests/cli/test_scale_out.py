"""Training in two processes under torchrun: by MONAI's command and ours, killed and resumed, on two nodes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_bundle import read_config, write_config
from tiny_images import write_tiny_images

from monai_gan.apps.train import train
from monai_gan.bundle import write_checksums
from monai_gan.handlers import load_checkpoint

pytestmark = [
    pytest.mark.learning,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the processes of torchrun in /proc"),
]

Changes = dict[str, Any]


@pytest.fixture
def bundle(tiny: Path) -> Path:
    """A tiny bundle whose networks do not couple the images of a batch, with an overlay for processes on a CPU."""
    config = read_config(tiny, "train")
    for network in ("network_def", "discriminator_def"):
        config[network]["norm"] = None
    config["variant"]["_target_"] = "monai_gan.variants.WGANGP"
    for optimizer in config["optimizers"].values():
        # Adam makes much of the rounding of gradients that are nearly zero, plain gradient descent does not.
        optimizer |= {"_target_": "torch.optim.SGD", "lr": 0.05}
        del optimizer["betas"]
    write_config(tiny, "train", config)
    overlay = {
        "device": "cpu",
        "initialize": ["$torch.distributed.init_process_group('gloo')", "$monai.utils.set_determinism(@seed)"],
        "finalize": ["$torch.distributed.destroy_process_group()"],
    }
    write_config(tiny, "multi_gpu_train", overlay)
    inference = read_config(tiny, "inference")
    inference["network_def"]["norm"] = None
    write_config(tiny, "inference", inference)
    write_checksums(tiny)
    return tiny


@pytest.fixture
def changes(tmp_path: Path) -> Changes:
    return {"dataset_dir": str(write_tiny_images(tmp_path / "images.npz", n=32)), "max_epochs": 2}


def start(*words: str, module: str = "monai_gan", launcher: tuple[str, ...] = ("--standalone",)) -> Any:
    """Start a module under torchrun, two processes unless the launcher says otherwise."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "GLOO_SOCKET_IFNAME": "lo"}
    processes = () if "--nnodes=2" in launcher else ("--nproc_per_node=2",)
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", *launcher, *processes, "-m", module, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: Any, code: int = 0) -> None:
    try:
        out, err = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == code, f"{out}\n{err}"


def command(bundle: Path, folder: Path, changes: Changes) -> list[str]:
    return ["train", str(bundle), "-o", str(folder), "--trust", *(f"{key}={value}" for key, value in changes.items())]


def alone(bundle: Path, folder: Path, changes: Changes) -> Path:
    """The same training in one process with the whole batch."""
    train(bundle, folder, {**changes, "batch_size": 8}, device="cpu", trust=True)
    return folder


def losses(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "images_per_second"} for line in lines]


def assert_same_training(folder: Path, other: Path, tolerance: float) -> None:
    states = [load_checkpoint(one / "checkpoint.pt") for one in (folder, other)]
    assert states[0]["iteration"] == states[1]["iteration"]
    for name, value in states[0]["variant"].items():
        torch.testing.assert_close(value, states[1]["variant"][name], rtol=tolerance, atol=tolerance)
    for one, two in zip(losses(folder), losses(other), strict=True):
        assert one == pytest.approx(two, rel=tolerance, abs=tolerance)


def rank_of(process: Path) -> str | None:
    """The rank of a process of torchrun, None for others."""
    try:
        entries = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return next((entry[5:].decode() for entry in entries if entry.startswith(b"RANK=")), None)


def children(pid: int) -> list[Path]:
    ids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path("/proc") / one for one in ids]


def wait_for_lines(log: Path, lines: int, process: Any) -> None:
    pause, end = threading.Event(), time.monotonic() + 200
    while not (log.is_file() and log.read_text().count("\n") >= lines):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the training did not get so far in time"
        pause.wait(0.01)


def test_monai_bundle_run_in_two_processes_equals_one(bundle: Path, changes: Changes, tmp_path: Path) -> None:
    configs = [str(bundle / "configs" / f"{name}.json") for name in ("train", "multi_gpu_train")]
    words = ["run", "--config_file", str(configs), "--bundle_root", str(bundle), "--output_dir", str(tmp_path / "two")]
    words += [word for key, value in changes.items() for word in (f"--{key}", str(value))]
    finish(start(*words, module="monai.bundle"))
    assert_same_training(tmp_path / "two", alone(bundle, tmp_path / "one", changes), 1e-5)


def test_a_killed_process_ends_the_training_and_the_same_command_goes_on(
    bundle: Path, changes: Changes, tmp_path: Path
) -> None:
    """Rank 1 dies in the middle of an epoch; what comes out is what an undisturbed training gives, to the bit."""
    changes = {**changes, "max_epochs": 100}
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    process = start(*command(bundle, killed, changes))
    try:
        wait_for_lines(killed / "losses.jsonl", 11, process)
        (victim,) = [child for child in children(process.pid) if rank_of(child) == "1"]
        os.kill(int(victim.name), signal.SIGKILL)
    except BaseException:
        process.kill()
        raise
    finish(process, code=1)
    iteration = load_checkpoint(killed / "checkpoint.pt")["iteration"]
    assert 8 <= iteration < 400
    assert iteration % 4 == 0, "a checkpoint of a whole epoch"
    assert not (killed / bundle.name).exists()

    finish(start(*command(bundle, killed, changes)))
    finish(start(*command(bundle, undisturbed, changes)))
    assert_same_training(killed, undisturbed, 0)
    weights = [torch.load(folder / bundle.name / "models" / "model.pt") for folder in (killed, undisturbed)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_two_nodes_without_a_common_disk(bundle: Path, changes: Changes, tmp_path: Path) -> None:
    """Each node has an output folder of its own; what one process began, both go on with."""
    folders = [tmp_path / f"node{node}" for node in (0, 1)]
    alone(bundle, folders[0], {**changes, "max_epochs": 1})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nodes: list[Any] = []
    try:
        for node, folder in enumerate(folders):
            launcher = ("--nnodes=2", "--nproc_per_node=1", f"--node_rank={node}")
            launcher += ("--master_addr=127.0.0.1", f"--master_port={port}")
            nodes.append(start(*command(bundle, folder, changes), launcher=launcher))
        for process in nodes:
            finish(process)
    finally:
        for process in nodes:
            process.kill()
    assert_same_training(folders[0], alone(bundle, tmp_path / "one", changes), 1e-5)
    assert list(folders[1].iterdir()) == [], "only rank 0 writes"
