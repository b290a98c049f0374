"""Adam's correction: the right factors, once, and kept by checkpoints."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from monai_gan.losses import correct_lazy_adam


@pytest.mark.parametrize("optimizer_class", [Adam, AdamW])
@pytest.mark.parametrize("interval", [2, 16])
def test_rate_and_betas_are_corrected(optimizer_class: type[Optimizer], interval: int) -> None:
    optimizer = optimizer_class(nn.Linear(2, 2).parameters(), lr=2e-3, betas=(0.5, 0.99))  # type: ignore[call-arg]
    correct_lazy_adam(optimizer, interval)
    share = interval / (interval + 1)
    (group,) = optimizer.param_groups
    assert group["lr"] == pytest.approx(2e-3 * share)
    assert group["betas"] == pytest.approx((0.5**share, 0.99**share))
    # The memory of the moments per ordinary step is what it was: interval + 1 steps forget as much as interval did.
    assert group["betas"][1] ** (interval + 1) == pytest.approx(0.99**interval)


def test_interval_one_changes_nothing() -> None:
    optimizer = Adam(nn.Linear(2, 2).parameters(), lr=1e-3)
    before = dict(optimizer.param_groups[0])
    correct_lazy_adam(optimizer, 1)
    assert optimizer.param_groups[0] == before


def test_second_call_changes_nothing_also_after_a_checkpoint() -> None:
    network = nn.Linear(2, 2)
    optimizer = Adam(network.parameters(), lr=1e-3)
    correct_lazy_adam(optimizer, 4)
    corrected = optimizer.state_dict()["param_groups"]
    correct_lazy_adam(optimizer, 4)
    assert optimizer.state_dict()["param_groups"] == corrected

    resumed = Adam(network.parameters(), lr=1e-3)
    resumed.load_state_dict(optimizer.state_dict())
    correct_lazy_adam(resumed, 4)
    assert resumed.state_dict()["param_groups"] == corrected


def test_every_group_keeps_its_own_rate() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    optimizer = Adam([{"params": first.parameters()}, {"params": second.parameters(), "lr": 1.0}], lr=0.5)
    correct_lazy_adam(optimizer, 4)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.4, 0.8])


def test_tensor_rate_shared_by_groups_is_corrected_once() -> None:
    rate = torch.tensor(0.5)
    groups = [{"params": nn.Linear(2, 2).parameters()}, {"params": nn.Linear(2, 2).parameters()}]
    optimizer = Adam(groups, lr=rate)
    correct_lazy_adam(optimizer, 4)
    assert [float(group["lr"]) for group in optimizer.param_groups] == pytest.approx([0.4, 0.4])
    assert rate.item() == 0.5


def test_scheduler_built_afterwards_starts_from_the_corrected_rate() -> None:
    optimizer = Adam(nn.Linear(2, 2).parameters(), lr=0.5)
    torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    correct_lazy_adam(optimizer, 4)
    assert optimizer.param_groups[0]["initial_lr"] == pytest.approx(0.4)


def test_optimizer_without_betas_is_refused_untouched() -> None:
    optimizer = SGD(nn.Linear(2, 2).parameters(), lr=0.5)
    with pytest.raises(ValueError, match="optimizer=SGD has no betas to correct"):
        correct_lazy_adam(optimizer, 4)
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_wrong_intervals_are_refused() -> None:
    optimizer = Adam(nn.Linear(2, 2).parameters(), lr=0.5)
    with pytest.raises(ValueError, match="interval=0 is not possible"):
        correct_lazy_adam(optimizer, 0)
    correct_lazy_adam(optimizer, 4)
    with pytest.raises(ValueError, match="interval=8 differs from the interval 4"):
        correct_lazy_adam(optimizer, 8)
