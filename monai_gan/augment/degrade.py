"""What a faster scan would have seen: less of k-space, and more noise."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from monai_gan.augment.draws import Draws, per_sample
from monai_gan.transforms.kspace import KSpaceTruncate


class DegradeBatch:
    """Make the input of a training pair from its target: lower resolution, then Rician noise.

    Images are in [-1, 1], -1 for nothing. A magnitude image is never negative, so the result is not below -1; noise
    and ringing can lift it above 1.

    Args:
        factor: of :class:`~monai_gan.transforms.KSpaceTruncate`, one number or one per axis; 1 leaves the resolution.
        noise: largest standard deviation of the noise of real and imaginary part, as a share of the range from nothing
            to 1; drawn evenly for each sample.
        prob: probability of noise.
        source: key of the target (N, 1, *S).
        key: of the new input.
    """

    def __init__(
        self,
        factor: int | Sequence[int] = 1,
        noise: float = 0.0,
        prob: float = 1.0,
        source: str = "target",
        key: str = "image",
    ) -> None:
        self.truncate = KSpaceTruncate(factor)
        self.noise, self.prob, self.source, self.key = noise, prob, source, key

    def __call__(self, batch: dict[str, Tensor], draws: Draws) -> dict[str, Tensor]:
        """The batch with the new input (N, 1, *S / factor)."""
        # Samples take the place of channels.
        image = self.truncate((batch[self.source][:, 0] + 1) / 2).as_subclass(Tensor)
        if self.noise:
            deviation = draws.uniform(0, self.noise, len(image)) * draws.chance(self.prob, len(image))
            deviation = per_sample(deviation, image)
            image = torch.hypot(image + deviation * draws.normal(image), deviation * draws.normal(image))
        return {**batch, self.key: (image.clamp_min(0) * 2 - 1)[:, None]}
