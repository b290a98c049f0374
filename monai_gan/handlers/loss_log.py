"""Losses and speed as one JSON object a line."""

from __future__ import annotations

import json
import time
from pathlib import Path

from ignite.engine import Events

from monai_gan.atomic import write_atomic
from monai_gan.engines import GANTrainer
from monai_gan.engines.distributed import mean_values


class LossLogHandler:
    """Appends losses, metrics and images per second to ``losses.jsonl``; a resumed run drops lines it will repeat.

    Losses are means over all processes, each of which has seen its share of the batch; every process must have this
    handler, and rank 0 writes.

    Args:
        output_dir: folder of the file, made when missing.
        iterations: iterations between lines.
    """

    filename = "losses.jsonl"

    def __init__(self, output_dir: str | Path, iterations: int = 10) -> None:
        self.path = Path(output_dir) / self.filename
        self.iterations = iterations
        self._since = (0, 0.0)

    def attach(self, engine: GANTrainer) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED(every=self.iterations), self.write)

    def start(self, engine: GANTrainer) -> None:
        """Open the log: keep the lines up to the iteration that training goes on from."""
        self._since = (engine.state.iteration, time.monotonic())
        if engine.rank != 0:
            return
        lines = self.path.read_text().splitlines() if self.path.is_file() else []
        kept = [line for line in lines if _iteration(line) <= engine.state.iteration]
        write_atomic(self.path, "".join(f"{line}\n" for line in kept).encode())

    def write(self, engine: GANTrainer) -> None:
        """Append one line."""
        losses = mean_values(engine.state.output[0], engine.state.device)
        if engine.rank != 0:
            return
        now, (since, before) = time.monotonic(), self._since
        self._since = (engine.state.iteration, now)
        record = {
            "iteration": engine.state.iteration,
            "epoch": engine.state.epoch,
            "images_per_second": (engine.state.iteration - since) * engine.state.images / max(now - before, 1e-9),
            **losses,
            **{name: float(value) for name, value in engine.state.metrics.items()},
        }
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")


def _iteration(line: str) -> float:
    """Of a line; infinite for one that was cut off when a run was killed."""
    try:
        return json.loads(line)["iteration"]
    except (ValueError, KeyError, TypeError):
        return float("inf")
