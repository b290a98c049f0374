"""Learning rates changed between two parts of one training: they take effect, and the schedule goes on."""

from __future__ import annotations

import pytest
import torch
from tiny_training import Images, tiny_variant

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
