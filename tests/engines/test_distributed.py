"""Two processes on half the batch each learn what one process learns on the whole, with the same losses and metrics."""

from __future__ import annotations

import json
import socket
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from tiny_training import tiny_trainer, tiny_variant
from torch.utils.data import TensorDataset

from monai_gan.data import StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.engines.distributed import any_process, from_first, mean_values
from monai_gan.errors import InputError
from monai_gan.handlers import CheckpointHandler, LossLogHandler, SlicedWassersteinHandler
from monai_gan.losses import GradientPenalty
from monai_gan.networks.nets import DCGANDiscriminator, DCGANGenerator
from monai_gan.variants import WGANGP


def train(seed: int, batch_size: int, lazy: bool, folder: Path) -> list[torch.Tensor]:
    """Weights after four iterations of a WGAN-GP without coupling between samples.

    A lazy penalty leaves some parameters, such as the last bias, without a gradient, and Adam passes over those.
    """
    torch.manual_seed(seed)
    # Smooth, because the kink of a rectifier makes a jump of a rounding error.
    sizes = {"image_size": 12, "channels": 4, "max_channels": 8, "norm": None, "act": "tanh"}
    penalty = GradientPenalty(interval=2 if lazy else 1)
    variant = WGANGP(DCGANGenerator(2, 8, **sizes), DCGANDiscriminator(2, **sizes), penalty, drift=0.1)  # type: ignore[arg-type]
    images = torch.rand(32, 1, 12, 12, generator=torch.Generator().manual_seed(3)) * 2 - 1
    optimizers: dict[str, torch.optim.Optimizer] = {
        # A large epsilon: where a gradient is near zero, Adam would otherwise make much of rounding errors.
        name: torch.optim.Adam(net.parameters(), 0.01, eps=1e-2) if lazy else torch.optim.SGD(net.parameters(), 0.05)
        for name, net in variant.networks.items()
    }
    trainer = GANTrainer(
        "cpu",
        1,
        StreamLoader(TensorDataset(images), batch_size),
        variant,
        optimizers,
        n_critic=2,
        accumulation_steps=2 if lazy else 1,
        epoch_length=4,
        train_handlers=[SlicedWassersteinHandler(images, iterations=1), LossLogHandler(folder, iterations=1)],
    )
    trainer.run()
    return [p.detach().clone() for p in variant.parameters()] + list(trainer.ema.variant.generator.parameters())  # type: ignore[union-attr]


def logged(folder: Path) -> list[dict[str, float]]:
    """The lines of the loss log without the speed."""
    lines = [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "images_per_second"} for line in lines]


def learn(rank: int, folder: Path) -> None:
    # Different seeds: the trainer must give every process the weights of rank 0.
    cases = [train(rank, 4, lazy, folder / str(lazy)) for lazy in (False, True)]
    torch.save(cases, folder / f"{rank}.pt")


def agree(rank: int, folder: Path) -> None:
    """What the processes tell each other, and how they hand an error on."""

    def fail() -> None:
        raise InputError(f"rank {rank} failed.")

    with pytest.raises(InputError, match=r"rank 0 failed\."):
        from_first(fail)
    answers = [
        any_process(rank == 1),
        any_process(False),
        from_first(lambda: rank),
        mean_values({"a": torch.tensor(float(rank)), "b": 4.0}),
    ]
    (folder / f"{rank}.json").write_text(json.dumps(answers))


def resume(rank: int, folder: Path) -> None:
    """Rank 1 has a folder of its own, in which no checkpoint lies."""
    own = folder if rank == 0 else folder / "elsewhere"
    trainer = tiny_trainer(tiny_variant("wgan_gp"), 4, 2, train_handlers=[CheckpointHandler(own)])
    iteration = trainer.state.iteration
    trainer.run()
    (folder / f"{rank}.json").write_text(json.dumps([iteration, trainer.state.iteration]))


def worker(rank: int, port: int, task: Any, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    task(rank, Path(folder))
    dist.destroy_process_group()


def in_two_processes(task: Any, folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(worker, (port, task, str(folder)), nprocs=2)


def test_two_processes_equal_one_with_the_whole_batch(tmp_path: Path) -> None:
    in_two_processes(learn, tmp_path)
    alone = [train(0, 8, lazy, tmp_path / f"alone {lazy}") for lazy in (False, True)]
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    for a, b, c in zip(*(chain.from_iterable(cases) for cases in (alone, first, second)), strict=True):
        torch.testing.assert_close(b, c, rtol=0, atol=0)
        torch.testing.assert_close(a.detach(), b, rtol=1e-5, atol=1e-6)
    for lazy in (False, True):
        expected, found = logged(tmp_path / f"alone {lazy}"), logged(tmp_path / str(lazy))
        assert len(found) == 4
        assert {"d_loss", "discriminator/gradient_penalty", "g_loss", "sliced_wasserstein"} < found[0].keys()
        for one, other in zip(found, expected, strict=True):
            assert one == pytest.approx(other, rel=1e-5, abs=1e-5)


def test_processes_agree(tmp_path: Path) -> None:
    in_two_processes(agree, tmp_path)
    for rank in (0, 1):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == [True, False, 0, {"a": 0.5, "b": 4.0}]


def test_every_process_goes_on_from_the_checkpoint_of_rank_0(tmp_path: Path) -> None:
    # One process with the whole batch began; two with half of it each go on.
    begun = tiny_trainer(tiny_variant("wgan_gp"), 8, 1, train_handlers=[CheckpointHandler(tmp_path)])
    begun.run()
    length = begun.state.epoch_length
    in_two_processes(resume, tmp_path)
    assert [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)] == [[length, 2 * length]] * 2
    assert not (tmp_path / "elsewhere").exists()
