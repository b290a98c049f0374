"""Adam's correction for a regulariser that takes its own optimizer step every few iterations (Karras et al. 2020)."""

from __future__ import annotations

from torch.optim import Optimizer

# Kept inside each parameter group, so that a checkpoint of the optimizer remembers that it was corrected.
_MARK = "lazy_interval"


def correct_lazy_adam(optimizer: Optimizer, interval: int) -> None:
    """Correct an Adam-like optimizer in place for a lazy regulariser, once.

    When the regulariser has a step of its own after every ``interval`` ordinary steps, the optimizer makes
    ``interval + 1`` steps where it made ``interval``. With ``c = interval / (interval + 1)``, the learning rate becomes
    ``c * lr`` and the betas ``beta ** c``, so that the size of the updates and the memory of the moments per ordinary
    step stay the same (Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", appendix B).

    A regulariser that is merely added to the loss of every ``interval``-th ordinary step makes no additional step and
    needs no correction. Call this before a learning rate scheduler is built, because schedulers copy the rate.

    Args:
        optimizer: Adam, AdamW or another optimizer whose parameter groups all hold ``betas``.
        interval: ordinary steps per step of the regulariser; 1 changes nothing.

    Raises:
        ValueError: the interval is below 1, a group has no ``betas``, or the optimizer was corrected before for
            another interval. A second call with the same interval changes nothing. Nothing is changed on an error.
    """
    if interval < 1:
        raise ValueError(f"interval={interval} is not possible: it counts iterations, so give 1 or more.")
    if interval == 1:
        return
    for group in optimizer.param_groups:
        if "betas" not in group:
            raise ValueError(
                f"optimizer={type(optimizer).__name__} has no betas to correct: use Adam or AdamW, "
                "or leave the correction out and scale the learning rate yourself."
            )
        if group.get(_MARK, interval) != interval:
            raise ValueError(
                f"interval={interval} differs from the interval {group[_MARK]} for which this optimizer was already "
                "corrected: build a new optimizer."
            )
    share = interval / (interval + 1)
    for group in optimizer.param_groups:
        if _MARK in group:
            continue
        group["lr"] = group["lr"] * share
        if "initial_lr" in group:
            group["initial_lr"] = group["initial_lr"] * share
        group["betas"] = tuple(beta**share for beta in group["betas"])
        group[_MARK] = interval
