"""Ends a training after a given time, with learning rates that fall by the clock."""

from __future__ import annotations

from typing import Any

from ignite.engine import Events

from monai_gan.engines import GANTrainer


class TimeLimitHandler:
    """Trains for so many seconds, whatever the machine, and lowers the learning rates towards the end of that time.

    A schedule over epochs suits one machine: on a slower one it is cut off at a high rate, on a faster one time is left
    over. Here the rates are held, then fall linearly with the time spent, interruptions left out. Give the trainer no
    schedulers beside it, and more epochs than fit. The number of steps, and so the result, is not repeated exactly.

    Args:
        seconds: length of the training.
        hold: share of that time before the rates fall.
        end_factor: what is left of them at the end.
        pretraining: share of the time after which the first phase of a variant with ``pretraining_iterations``, such as
            :class:`~monai_gan.variants.SRGAN`, ends, if it has not by their number; None leaves it to that.

    Raises:
        ValueError: when a number is out of range, or at the start when the variant has no such phase.
    """

    def __init__(
        self, seconds: float, hold: float = 0.3, end_factor: float = 0.02, pretraining: float | None = None
    ) -> None:
        if seconds <= 0 or not 0 <= hold < 1 or not 0 <= end_factor <= 1:
            raise ValueError(
                f"seconds={seconds}, hold={hold} and end_factor={end_factor} must be above 0, at least 0 and below 1, "
                "and 0 to 1."
            )
        if pretraining is not None and not 0 < pretraining <= 1:
            raise ValueError(f"pretraining={pretraining} is not possible: give a share above 0 and at most 1, or None.")
        self.seconds, self.hold, self.end_factor, self.pretraining = seconds, hold, end_factor, pretraining

    def attach(self, engine: GANTrainer) -> None:
        """Register with a trainer, after the handler that restores a checkpoint."""
        if self.pretraining is not None and not hasattr(engine.variant, "pretraining_iterations"):
            raise ValueError(f"{type(engine.variant).__name__} has no pretraining: leave pretraining out.")
        for optimizer in engine.optimizers.values():
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.look)

    def look(self, engine: GANTrainer) -> None:
        """Set the rates of the coming iteration, or end the training."""
        factor = self.factor(engine.seconds)
        for optimizer in engine.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
        variant: Any = engine.variant
        if self.pretraining is not None and engine.seconds >= self.pretraining * self.seconds:
            variant.pretraining_iterations = min(variant.pretraining_iterations, engine.state.iteration)
        if engine.seconds >= self.seconds:
            engine.terminate()

    def factor(self, seconds: float) -> float:
        """What is left of the rates after so many seconds."""
        past = min(1.0, max(0.0, seconds / self.seconds - self.hold) / (1 - self.hold))
        return 1 + (self.end_factor - 1) * past
