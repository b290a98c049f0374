"""Pictures of samples from fixed latents, one per epoch, so that training can be watched."""

from __future__ import annotations

from pathlib import Path

from ignite.engine import Events

from monai_gan.data import Provenance
from monai_gan.data.grid import write_grid
from monai_gan.engines import GANTrainer


class SampleGridHandler:
    """Writes ``samples_<epoch>.png`` from the averaged networks, marked as synthetic; only rank 0 writes.

    Args:
        output_dir: folder of the pictures, made when missing.
        n: samples in a picture.
        interval: epochs between pictures.
        seed: of the fixed latents.
        first: also draw the untrained networks, as ``samples_0000.png``.
    """

    def __init__(
        self, output_dir: str | Path, n: int = 16, interval: int = 1, seed: int = 0, first: bool = True
    ) -> None:
        self.output_dir = Path(output_dir)
        self.n = n
        self.interval = interval
        self.seed = seed
        self.first = first

    def attach(self, engine: GANTrainer) -> None:
        """Register with a trainer."""
        if self.first:
            engine.add_event_handler(Events.STARTED, self.draw_untrained)
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self.draw)

    def draw_untrained(self, engine: GANTrainer) -> None:
        """Write the picture of the random start; a resumed run has it already."""
        if engine.state.iteration == 0:
            self.draw(engine)

    def draw(self, engine: GANTrainer) -> None:
        """Write the picture of the present epoch."""
        if engine.rank != 0:
            return
        images = engine.sample(engine.variant.latents(self.n, self.seed))
        provenance = Provenance(
            type(engine.variant).__name__,
            "in training",
            seed=self.seed,
            extra={"overview_of": self.n, "iteration": engine.state.iteration},
        )
        write_grid(self.output_dir / f"samples_{engine.state.epoch:04d}.png", images, provenance)
