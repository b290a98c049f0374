"""Follows the sliced Wasserstein distance between samples and real images."""

from __future__ import annotations

from ignite.engine import Events
from torch import Tensor

from monai_gan.engines import GANTrainer
from monai_gan.metrics import sliced_wasserstein


class SlicedWassersteinHandler:
    """Keeps the distance of samples from fixed latents to ``real`` in ``engine.state.metrics["sliced_wasserstein"]``.

    Args:
        real: images (N, C, *S) in [-1, 1] that are not trained on.
        interval: epochs between measurements.
        iterations: measure every so many iterations instead of epochs; 0 for epochs.
        seed: of the fixed latents.

    Attributes:
        history: pairs (iteration, distance), beginning with the untrained networks.
    """

    def __init__(self, real: Tensor, interval: int = 1, iterations: int = 0, seed: int = 0) -> None:
        self.real = real
        self.interval = interval
        self.iterations = iterations
        self.seed = seed
        self.history: list[tuple[int, float]] = []

    def attach(self, engine: GANTrainer) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.STARTED, self.measure)
        event = Events.ITERATION_COMPLETED(every=self.iterations) if self.iterations else None
        engine.add_event_handler(event or Events.EPOCH_COMPLETED(every=self.interval), self.measure)

    def measure(self, engine: GANTrainer) -> None:
        """Measure now."""
        fake = engine.sample(engine.variant.latents(len(self.real), self.seed))
        distance = sliced_wasserstein(fake, self.real)
        engine.state.metrics["sliced_wasserstein"] = distance
        self.history.append((engine.state.iteration, distance))
