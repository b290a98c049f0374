"""Learning rates that a user changes between two parts of one training."""

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
    for index, (group, old, new) in enumerate(zip(optimizer.param_groups, before, after, strict=True)):
        if old == new or old == 0:
            continue
        for key in ("lr", "initial_lr"):
            if key in group:
                group[key] = group[key] * new / old
        bases = getattr(scheduler, "base_lrs", None)
        if bases is not None:
            bases[index] = bases[index] * new / old
