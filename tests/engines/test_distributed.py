"""Two processes on half the batch each learn what one process learns on the whole, with the same losses and metrics."""

from __future__ import annotations

import json
import socket
from itertools import chain
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from ignite.engine import Events
from tiny_training import tiny_trainer, tiny_variant
from torch.utils.data import TensorDataset

from monai_gan.data import StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.engines.distributed import any_process, connection_lost, from_first, mean_values
from monai_gan.errors import InputError
from monai_gan.handlers import CheckpointHandler, LossLogHandler, SlicedWassersteinHandler, load_checkpoint
from monai_gan.losses import GradientPenalty
from monai_gan.networks.nets import BEGANDiscriminator, BEGANGenerator, DCGANDiscriminator, DCGANGenerator
from monai_gan.variants import BEGAN, WGANGP


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


def survive(rank: int, folder: Path) -> None:
    """Rank 1 goes, and rank 0 waits for its number."""
    if rank == 0:
        with pytest.raises(RuntimeError) as caught:
            any_process(True)
        (folder / "lost.txt").write_text(str(connection_lost(caught.value)))


def resume(rank: int, folder: Path) -> None:
    """Rank 1 has a folder of its own, in which no checkpoint lies."""
    own = folder if rank == 0 else folder / "elsewhere"
    trainer = tiny_trainer(tiny_variant("wgan_gp"), 4, 2, train_handlers=[CheckpointHandler(own)])
    iteration = trainer.state.iteration
    trainer.run()
    (folder / f"{rank}.json").write_text(json.dumps([iteration, trainer.state.iteration]))


def equilibrium(batch_size: int) -> list[float]:
    """k and the measure of convergence of a BEGAN, in which the errors of all images count, after each iteration."""
    torch.manual_seed(0)
    sizes = {"image_size": 12, "channels": 2, "act": "tanh"}
    variant = BEGAN(BEGANGenerator(2, 4, **sizes), BEGANDiscriminator(2, hidden_size=4, **sizes), gamma=1.0, rate=1.0)  # type: ignore[arg-type]
    trainer = tiny_trainer(variant, batch_size, 1, epoch_length=3)
    found: list[float] = []
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda: found.extend(map(float, trainer.variant.figures.values()))
    )
    trainer.run()
    return found


def balance(rank: int, folder: Path) -> None:
    (folder / f"{rank}.json").write_text(json.dumps(equilibrium(4)))


def worker(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    for task in (learn, agree, resume, balance, survive):
        task(rank, Path(folder) / task.__name__)
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left that did all the tasks, each in a folder of its name."""
    folder = tmp_path_factory.mktemp("processes")
    for task in (learn, agree, resume, balance, survive):
        (folder / task.__name__).mkdir()
    # One process with the whole batch begins what the two go on with.
    tiny_trainer(tiny_variant("wgan_gp"), 8, 1, train_handlers=[CheckpointHandler(folder / "resume")]).run()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(worker, (port, str(folder)), nprocs=2)
    return folder


def test_two_processes_equal_one_with_the_whole_batch(done: Path, tmp_path: Path) -> None:
    folder = done / "learn"
    alone = [train(0, 8, lazy, tmp_path / str(lazy)) for lazy in (False, True)]
    first, second = (torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    for a, b, c in zip(*(chain.from_iterable(cases) for cases in (alone, first, second)), strict=True):
        torch.testing.assert_close(b, c, rtol=0, atol=0)
        torch.testing.assert_close(a.detach(), b, rtol=1e-5, atol=1e-6)
    for lazy in ("False", "True"):
        expected, found = logged(tmp_path / lazy), logged(folder / lazy)
        assert len(found) == 4
        assert {"d_loss", "discriminator/gradient_penalty", "g_loss", "sliced_wasserstein"} < found[0].keys()
        for one, other in zip(found, expected, strict=True):
            assert one == pytest.approx(other, rel=1e-5, abs=1e-5)


def test_processes_agree(done: Path) -> None:
    for rank in (0, 1):
        answers = json.loads((done / "agree" / f"{rank}.json").read_text())
        assert answers == [True, False, 0, {"a": 0.5, "b": 4.0}]


def test_every_process_goes_on_from_the_checkpoint_of_rank_0(done: Path, tmp_path: Path) -> None:
    folder = done / "resume"
    assert [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)] == [[6, 12]] * 2
    assert not (folder / "elsewhere").exists()
    tiny_trainer(tiny_variant("wgan_gp"), 8, 2, train_handlers=[CheckpointHandler(tmp_path)]).run()
    states = [load_checkpoint(one / "checkpoint.pt")["variant"] for one in (folder, tmp_path)]
    for name, weight in states[0].items():
        # Adam makes much of the rounding of gradients that are nearly zero.
        torch.testing.assert_close(weight, states[1][name], rtol=1e-3, atol=1e-3)


def test_the_balance_of_a_began_is_that_of_all_processes(done: Path) -> None:
    first, second = (json.loads((done / "balance" / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    assert first == pytest.approx(equilibrium(8), rel=1e-3)
    assert 0 < first[0] < 1


def test_a_lost_connection_is_known_as_one(done: Path) -> None:
    assert (done / "survive" / "lost.txt").read_text() == "True"
    assert not connection_lost(RuntimeError("shapes do not match"))
    assert not connection_lost(ValueError("gloo"))
