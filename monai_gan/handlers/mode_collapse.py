"""Watches whether a generator still makes different images."""

from __future__ import annotations

import logging

import torch
from ignite.engine import Events
from torch import Tensor

from monai_gan.engines import GANTrainer
from monai_gan.metrics import mean_pairwise_distance

logger = logging.getLogger(__name__)


class ModeCollapseHandler:
    """Compares the diversity of a generated batch with that of as many real images, and warns when it is lost.

    The ratio of the mean pairwise distances is kept in ``engine.state.metrics["diversity"]``: near 1 for a healthy
    generator, near 0 when it makes one image again and again.

    Args:
        n: images compared.
        interval: epochs between looks.
        threshold: ratio below which a generator is suspected.
        patience: looks in a row below the threshold before a warning; an untrained generator is no alarm.
        seed: of the fixed latents.

    Raises:
        ValueError: if fewer than 2 images are to be compared.
    """

    def __init__(
        self, n: int = 64, interval: int = 1, threshold: float = 0.3, patience: int = 3, seed: int = 0
    ) -> None:
        if n < 2:
            raise ValueError(f"n={n}: diversity needs at least 2 images.")
        self.n = n
        self.interval = interval
        self.threshold = threshold
        self.patience = patience
        self.seed = seed
        self._low = 0
        self._real: list[Tensor] = []
        self._real_distance: float | None = None

    def attach(self, engine: GANTrainer) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self.compare)

    def collect(self, engine: GANTrainer) -> None:
        """Keep the first real images that training shows."""
        if self._real_distance is not None:
            return
        for batch in engine.state.batch:
            image = engine.prepare_batch(batch, torch.device("cpu"))["image"]
            self._real.extend(image[: self.n - len(self._real)])
        if len(self._real) >= self.n:
            self._real_distance = mean_pairwise_distance(torch.stack(self._real))
            self._real.clear()

    def compare(self, engine: GANTrainer) -> None:
        """Measure the diversity of samples from fixed latents and warn when it is lost."""
        if not self._real_distance:
            return
        fake = engine.sample(engine.variant.latents(self.n, self.seed))
        ratio = mean_pairwise_distance(fake) / self._real_distance
        engine.state.metrics["diversity"] = ratio
        self._low = self._low + 1 if ratio < self.threshold else 0
        if self._low >= self.patience and engine.rank == 0:
            logger.warning(
                "Mode collapse suspected at epoch %d: samples differ %.2f times as much as real images (below %.2f). "
                "Lower the learning rates, use a gradient penalty, or go back to an earlier checkpoint.",
                engine.state.epoch,
                ratio,
                self.threshold,
            )
