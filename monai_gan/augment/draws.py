"""The random numbers of one batch."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

#: Changes a batch of tensors (N, C, *S) by name; gets the random numbers of this batch.
Augmentation = Callable[[dict[str, Tensor], "Draws"], dict[str, Tensor]]


class Draws:
    """Random numbers that depend on one word alone, of which every sample of a batch gets its own.

    Settings are drawn on the CPU and are the same for every device; noise is drawn where the images are.

    Args:
        word: seed, from 0 to below 2^63.
        device: of the images.
    """

    def __init__(self, word: int, device: torch.device | str) -> None:
        self.device = torch.device(device)
        self._settings = torch.Generator().manual_seed(word)
        self._noise = torch.Generator(self.device).manual_seed(word)

    def uniform(self, low: float, high: float, *size: int) -> Tensor:
        """Even numbers from ``low`` to ``high``."""
        values = torch.rand(size, generator=self._settings) * (high - low) + low
        return values.to(self.device, non_blocking=True)

    def log_uniform(self, low: float, high: float, *size: int) -> Tensor:
        """Numbers whose logarithm is even from that of ``low`` to that of ``high``."""
        return self.uniform(math.log(low), math.log(high), *size).exp()

    def chance(self, prob: float, *size: int) -> Tensor:
        """1 with a probability, else 0."""
        return (self.uniform(0.0, 1.0, *size) < prob).float()

    def normal(self, like: Tensor) -> Tensor:
        """Standard normal noise of the shape of a tensor on the device, float32."""
        return torch.randn(like.shape, generator=self._noise, device=self.device)


def per_sample(values: Tensor, images: Tensor) -> Tensor:
    """(N,) values with as many axes as the images, to be multiplied with them."""
    return values.view(-1, *[1] * (images.ndim - 1))
