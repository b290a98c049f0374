"""A live progress bar with losses and speed in the terminal."""

from __future__ import annotations

import time
from typing import Any

from ignite.engine import Events
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column

from monai_gan.engines import GANTrainer


class ProgressHandler:
    """Shows epoch, losses, metrics, images per second and the time left; only rank 0 shows.

    Args:
        console: where to; standard error by default, so that standard output stays free.
        interval: seconds between updates of the figures, which cost a look at the device.
        seconds: length of a training that a time limit ends; the bar then shows the time, not the iterations.
    """

    def __init__(self, console: Console | None = None, interval: float = 0.5, seconds: float | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.interval = interval
        self.seconds = seconds
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._mark = (0, 0.0)

    def attach(self, engine: GANTrainer) -> None:
        """Register with a trainer."""
        if engine.rank != 0:
            return
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.update)
        for event in (Events.COMPLETED, Events.TERMINATE, Events.EXCEPTION_RAISED):
            engine.add_event_handler(event, self.stop)

    def start(self, engine: GANTrainer) -> None:
        """Show the bar."""
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]} step {task.fields[iteration]}"),
            BarColumn(bar_width=10),
            TimeRemainingColumn(compact=True),
            # Where the terminal is narrow, the figures are cut and nothing else.
            TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True, max_width=self._room())),
            console=self.console,
        )
        total = self.seconds or engine.state.max_epochs * engine.state.epoch_length
        self._task = self._progress.add_task("train", total=total, figures="", **self._position(engine))
        self._mark = (engine.state.iteration, time.monotonic())
        self._progress.start()

    def update(self, engine: GANTrainer) -> None:
        """Move the bar, and refresh the figures now and then."""
        if self._progress is None:
            return
        self._progress.update(self._task, **self._position(engine))
        iteration, before = self._mark
        now = time.monotonic()
        if now - before >= self.interval:
            speed = (engine.state.iteration - iteration) * engine.state.images / (now - before)
            self._mark = (engine.state.iteration, now)
            losses = engine.state.output[0]
            shown = {name: losses[name] for name in ("d_loss", "g_loss") if name in losses}
            figures = [f"{name} {float(value):.2f}" for name, value in shown.items()]
            figures += [f"{speed:.0f} images/s"]
            figures += [f"{name} {float(value):.2f}" for name, value in engine.state.metrics.items()]
            self._progress.update(self._task, figures="  ".join(figures))

    def _room(self) -> int:
        """Characters that the other columns leave for the figures."""
        return max(10, self.console.width - 45)

    def _position(self, engine: GANTrainer) -> dict[str, Any]:
        state = engine.state
        done = state.iteration if self.seconds is None else engine.seconds
        return {"completed": done, "iteration": state.iteration, "epoch": max(state.epoch, 1)}

    def stop(self, engine: GANTrainer, error: BaseException | None = None) -> None:
        """Leave the bar as it is; an error goes on its way."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        if error is not None:
            raise error
