"""Learning rates that change outside of their schedule, which then goes on from where it was."""

from __future__ import annotations

from collections.abc import Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


def change_rates(
    optimizer: Optimizer, scheduler: LRScheduler | None, before: Sequence[float], after: Sequence[float]
) -> None:
    """Scale the present rates by ``after / before``; a schedule keeps its place and its shape.

    Args:
        optimizer: changed in place.
        scheduler: of that optimizer, changed in place.
        before: the rate of each parameter group with which training began.
        after: the rate with which it is to go on.
    """
    for group, old, new in zip(optimizer.param_groups, before, after, strict=True):
        if old == new or old == 0:
            continue
        for key in ("lr", "initial_lr"):
            if key in group:
                group[key] = group[key] * new / old
    follow_rates(scheduler, optimizer)


def follow_rates(scheduler: LRScheduler | None, optimizer: Optimizer) -> None:
    """Give a scheduler, and those that it is made of, the initial rates that its optimizer has now.

    Args:
        scheduler: changed in place; it remembers the rates that it was built with.
        optimizer: the optimizer of that scheduler.
    """
    for part in getattr(scheduler, "_schedulers", ()):
        follow_rates(part, optimizer)
    if scheduler is not None and hasattr(scheduler, "base_lrs"):
        scheduler.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
