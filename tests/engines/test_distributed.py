"""Two processes on half the batch each learn what one process learns on the whole."""

from __future__ import annotations

import socket
from itertools import chain
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.utils.data import TensorDataset

from monai_gan.data import StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.engines.distributed import any_process
from monai_gan.losses import GradientPenalty
from monai_gan.networks.nets import DCGANDiscriminator, DCGANGenerator
from monai_gan.variants import WGANGP


def train(seed: int, batch_size: int, lazy: bool) -> list[torch.Tensor]:
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
    )
    trainer.run()
    return [p.detach().clone() for p in variant.parameters()] + list(trainer.ema.variant.generator.parameters())  # type: ignore[union-attr]


def worker(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    # Different seeds: the trainer must give every process the weights of rank 0.
    torch.save([train(seed=rank, batch_size=4, lazy=lazy) for lazy in (False, True)], Path(folder) / f"{rank}.pt")
    (Path(folder) / f"{rank}.txt").write_text(f"{any_process(rank == 1)} {any_process(False)}")
    dist.destroy_process_group()


def test_two_processes_equal_one_with_the_whole_batch(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(worker, (port, str(tmp_path)), nprocs=2)
    alone = [train(seed=0, batch_size=8, lazy=lazy) for lazy in (False, True)]
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert [(tmp_path / f"{rank}.txt").read_text() for rank in (0, 1)] == ["True False"] * 2
    for a, b, c in zip(*(chain.from_iterable(cases) for cases in (alone, first, second)), strict=True):
        torch.testing.assert_close(b, c, rtol=0, atol=0)
        torch.testing.assert_close(a.detach(), b, rtol=1e-5, atol=1e-6)
