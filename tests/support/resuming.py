"""Stops a training and goes on with it, which must make no difference."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import torch
from ignite.engine import Events
from torch import Tensor, nn

from monai_gan.engines import GANTrainer


def equal(a: Any, b: Any) -> bool:
    """Whether two nested states are the same bit for bit."""
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def saved(trainer: GANTrainer) -> dict[str, Any]:
    """The state through a file, as a checkpoint would have it."""
    buffer = io.BytesIO()
    torch.save(trainer.state_dict(), buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def stop_after(trainer: GANTrainer, iterations: int) -> None:
    """End the coming run early."""
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=iterations), lambda t: t.terminate(skip_completed=True))


def assert_resumes(build: Callable[[], GANTrainer], stop: int) -> None:
    """Training that is stopped after ``stop`` iterations and goes on in a new process ends as an uninterrupted one.

    Args:
        build: makes the trainer, the same one each time.
        stop: finished iterations at the stop.
    """
    whole, first = build(), build()
    whole.run()
    stop_after(first, stop)
    first.run()
    assert first.state.iteration == stop
    state = saved(first)

    second = build()
    torch.manual_seed(99)
    for parameter in second.variant.parameters():
        nn.init.normal_(parameter)
    second.load_state_dict(state)
    second.run()
    expected, found = whole.state_dict(), second.state_dict()
    for part in expected.keys() - {"seconds"}:
        assert equal(expected[part], found[part]), part
