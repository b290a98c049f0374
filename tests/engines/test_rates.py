"""Learning rates that change outside of their schedule: they take effect, and the schedule goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from ignite.engine import Events
from tiny_training import Images, tiny_variant
from torch.optim.lr_scheduler import ChainedScheduler, ExponentialLR, LambdaLR, LinearLR, LRScheduler, SequentialLR

from monai_gan.data import StreamLoader
from monai_gan.engines import GANTrainer


def trainer_with(rate: float, max_epochs: int, scheduled: bool) -> GANTrainer:
    """A trainer of one iteration per epoch whose rates, when scheduled, fall to the half over four epochs."""
    variant = tiny_variant()
    optimizers = {name: torch.optim.Adam(net.parameters(), rate) for name, net in variant.networks.items()}
    schedulers = {name: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.5, 4) for name, o in optimizers.items()}
    loader = StreamLoader(Images(), 8)
    return GANTrainer(
        "cpu", max_epochs, loader, variant, optimizers, schedulers=schedulers if scheduled else None, epoch_length=1
    )


@pytest.mark.parametrize(("scheduled", "share"), [(False, 1.0), (True, 0.625)], ids=["constant", "scheduled"])
@pytest.mark.parametrize("rate", [1e-3, 1e-4], ids=["same", "lowered"])
def test_the_rate_of_the_second_part_counts(rate: float, scheduled: bool, share: float) -> None:
    first = trainer_with(1e-3, 2, scheduled)
    first.run()
    second = trainer_with(rate, 3, scheduled)
    second.load_state_dict(first.state_dict())
    second.run()
    found = [optimizer.param_groups[0]["lr"] for optimizer in second.optimizers.values()]
    assert found == pytest.approx([rate * share] * 2)
    third = trainer_with(rate, 4, scheduled)
    third.load_state_dict(second.state_dict())
    assert [optimizer.param_groups[0]["lr"] for optimizer in third.optimizers.values()] == found


SCHEDULES = [
    pytest.param(lambda o: LambdaLR(o, lambda epoch: min(1.0, epoch / 2)), [0.5, 1.0, 1.0], id="warm-up-from-zero"),
    pytest.param(
        lambda o: SequentialLR(o, [LinearLR(o, 0.5, 1.0, 1), ExponentialLR(o, 0.1)], [2]),
        [1.0, 1.0, 0.1],
        id="sequence",
    ),
    pytest.param(lambda o: ChainedScheduler([LinearLR(o, 0.5, 1.0, 2)]), [0.75, 1.0, 1.0], id="chain"),
]


@pytest.mark.parametrize(("schedule", "shares"), SCHEDULES)
def test_schedule_of_a_lazily_regularized_network_starts_from_the_corrected_rate(
    schedule: Callable[[torch.optim.Optimizer], LRScheduler], shares: list[float]
) -> None:
    variant = tiny_variant("wgan_gp", interval=4)
    optimizers = {name: torch.optim.Adam(net.parameters(), 1e-3) for name, net in variant.networks.items()}
    schedulers = {name: schedule(optimizer) for name, optimizer in optimizers.items()}
    trainer = GANTrainer(
        "cpu", 3, StreamLoader(Images(), 8), variant, optimizers, schedulers=schedulers, epoch_length=1
    )
    found: list[list[float]] = []
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda t: found.append([o.param_groups[0]["lr"] for o in t.optimizers.values()])
    )
    trainer.run()
    for (discriminator, generator), share in zip(found, shares, strict=True):
        assert generator == pytest.approx(share * 1e-3)
        assert discriminator == pytest.approx(0.8 * share * 1e-3)
