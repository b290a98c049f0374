"""Follows what the images of an InfoGAN tell of its codes, and shows what each code does."""

from __future__ import annotations

from pathlib import Path

from ignite.engine import Events

from monai_gan.data import Provenance
from monai_gan.data.grid import fill_rows, write_grid
from monai_gan.engines import GANTrainer
from monai_gan.errors import InputError
from monai_gan.variants import InfoGAN

#: A seed far from those of users, so that the latents are none that pictures or samples show.
HELD_OUT = 2**62


class CodesHandler:
    """Measures the mutual information of each code and draws a traversal, both with the averaged networks.

    ``engine.state.metrics`` gets ``"information_<code>"`` in nats and, of categorical codes, the share of H(c), on
    latents that are not trained on. ``traversal_<epoch>.png`` has a row per code and sample, in which that code alone
    changes: through all its categories, or from -0.95 to 0.95. Only rank 0 measures and writes.

    Args:
        output_dir: folder of the pictures, made when missing.
        n: held-out samples that are measured.
        rows: samples per code in a picture; 0 for no picture.
        interval: epochs between measurements.
        seed: of the samples in the picture.
        steps: values of a continuous code in a picture.
    """

    def __init__(
        self, output_dir: str | Path, n: int = 512, rows: int = 2, interval: int = 1, seed: int = 0, steps: int = 9
    ) -> None:
        self.output_dir = Path(output_dir)
        self.n = n
        self.rows = rows
        self.interval = interval
        self.seed = seed
        self.steps = steps

    def attach(self, engine: GANTrainer) -> None:
        """Register with a trainer.

        Raises:
            InputError: if its variant has no codes.
        """
        if not isinstance(engine.variant, InfoGAN):
            raise InputError(f"CodesHandler needs an InfoGAN, not {type(engine.variant).__name__}: leave it out.")
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self.measure)
        if self.rows:
            engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self.draw)

    def measure(self, engine: GANTrainer) -> None:
        """Measure now."""
        if engine.rank != 0:
            return
        averaged = engine.ema.variant
        assert isinstance(averaged, InfoGAN)
        latents = averaged.latents(self.n, HELD_OUT).to(engine.state.device)
        found = averaged.information(latents)
        engine.state.metrics.update({f"information_{name}": value for name, value in found.items()})

    def draw(self, engine: GANTrainer) -> None:
        """Write the picture of the present epoch."""
        if engine.rank != 0:
            return
        averaged = engine.ema.variant
        assert isinstance(averaged, InfoGAN)
        rows = averaged.generator.codes.traverse(averaged.latents(self.rows, self.seed), self.steps)
        images, columns = fill_rows([engine.sample(row.flatten(0, 1)).unflatten(0, row.shape[:2]) for row in rows])
        provenance = Provenance(
            type(averaged).__name__,
            "in training",
            seed=self.seed,
            extra={"traversal_of": averaged.generator.codes.names, "iteration": engine.state.iteration},
        )
        write_grid(self.output_dir / f"traversal_{engine.state.epoch:04d}.png", images, provenance, columns=columns)
