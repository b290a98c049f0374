"""Optimizers whose step a CUDA graph can hold, while everybody else finds them as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, AdamW, Optimizer, RMSprop

#: Group entries that are no setting of the step: the rate is followed on the device, the rest is never looked at.
NO_SETTING = frozenset({"params", "lr", "initial_lr", "capturable"})


class CapturableOptimizer:
    """Keeps the learning rates of an optimizer, and its counts of steps, on the device.

    An optimizer in a graph needs both there, or the graph would repeat the numbers of its capture. Yet schedulers,
    handlers and checkpoints want rates that are plain numbers. So the optimizer has its tensors only while it steps,
    within :meth:`ready`, and :meth:`follow` brings them up to date before.

    Args:
        optimizer: one that :func:`is_capturable` accepts.
        on_load: called after the optimizer has loaded a state, which replaces the tensors that a graph works on.
    """

    def __init__(self, optimizer: Optimizer, on_load: Callable[[], None]) -> None:
        self.optimizer = optimizer
        self._rates: list[tuple[float, Tensor]] = []
        optimizer.register_load_state_dict_post_hook(lambda _: on_load())

    def follow(self) -> None:
        """Write rates that have changed to the device; never during a capture, which would repeat them."""
        groups = self.optimizer.param_groups
        for group in groups[len(self._rates) :]:
            self._rates.append((group["lr"], torch.tensor(group["lr"], device=group["params"][0].device)))
        for index, ((known, rate), group) in enumerate(zip(self._rates, groups, strict=True)):
            if group["lr"] != known:
                rate.fill_(group["lr"])
                self._rates[index] = (group["lr"], rate)

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Let the optimizer step with what lies on the device."""
        for parameter, state in self.optimizer.state.items():
            # Counted on the CPU by a step without a graph, for instance of the run that a checkpoint comes from.
            state["step"] = state["step"].to(parameter.device)
        groups = self.optimizer.param_groups
        plain = [(group["lr"], group["capturable"]) for group in groups]
        for (_, rate), group in zip(self._rates, groups, strict=True):
            group["lr"], group["capturable"] = rate, True
        try:
            yield
        finally:
            for group, (rate, capturable) in zip(groups, plain, strict=True):
                group["lr"], group["capturable"] = rate, capturable

    def settings(self) -> list[dict[str, Any]]:
        """What a graph of the step has in it besides the rates, for each group of parameters."""
        return [
            {
                "parameters": len(group["params"]),
                **{name: value for name, value in group.items() if name not in NO_SETTING},
            }
            for group in self.optimizer.param_groups
        ]


def is_capturable(optimizer: Optimizer) -> bool:
    """Whether a graph can hold the step of this optimizer: torch's Adam, AdamW or RMSprop with numbers as settings.

    Others would put the learning rate into the graph as a number, or run code of the user's that a replay passes over.
    """
    if type(optimizer) not in (Adam, AdamW, RMSprop) or _has_hooks(optimizer):
        return False
    return all(
        not group["differentiable"]
        # RMSprop's loop over single tensors reads the rate back from the device.
        and not (isinstance(optimizer, RMSprop) and group["foreach"] is False)
        and not any(_holds_tensor(value) for name, value in group.items() if name != "params")
        for group in optimizer.param_groups
    )


def _has_hooks(optimizer: Optimizer) -> bool:
    return bool(optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks)


def _holds_tensor(value: Any) -> bool:
    return any(isinstance(item, Tensor) for item in (value if isinstance(value, tuple) else (value,)))


@contextmanager
def all_ready(optimizers: Sequence[CapturableOptimizer]) -> Iterator[None]:
    """:meth:`CapturableOptimizer.ready` of all of them."""
    with ExitStack() as stack:
        for optimizer in optimizers:
            stack.enter_context(optimizer.ready())
        yield
