"""Latent vectors that depend on (seed, index) alone, so that a sample is the same in any batch and on any device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from monai_gan.errors import InputError


def seeded_latents(n: int, size: int, seed: int, start: int = 0) -> Tensor:
    """Draw standard normal latents on the CPU, one independent generator per sample.

    Args:
        n: number of latents.
        size: length of one latent.
        seed: seed of the series, at least 0.
        start: index of the first latent in the series.

    Returns:
        Latents (n, size), float32; row i depends on ``(seed, start + i)`` only.
    """
    if n == 0:
        return torch.empty(0, size)
    # SeedSequence hashes the pair, so that neighbouring seeds and indices give unrelated streams.
    rows = [np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, start + i)))) for i in range(n)]
    return torch.from_numpy(np.stack([row.standard_normal(size, dtype=np.float32) for row in rows]))


class LatentDataset(Dataset[dict[str, Any]]):
    """The latents of a series as a dataset: what a bundle's inference iterates over in place of images.

    Args:
        n: number of latents, at least 1.
        latent_size: length of one latent.
        seed: seed of the series, 0 to 2**63 - 1.
        start: index of the first latent in the series.
        num_classes: of a conditional network; above 0, samples also have a ``"label"``, the classes in turn: sample i
            of the series is of class i modulo this.

    Raises:
        InputError: n, the seed, the start or the number of classes is out of range.
    """

    deterministic = True

    def __init__(self, n: int, latent_size: int, seed: int = 0, start: int = 0, num_classes: int = 0) -> None:
        if n < 1:
            raise InputError(f"n={n} is not possible: ask for at least 1 image.")
        if not 0 <= seed < 2**63:
            raise InputError(f"seed={seed} is out of range: give 0 to {2**63 - 1}.")
        if start < 0:
            raise InputError(f"start={start} is out of range: give 0 or more.")
        if num_classes < 0:
            raise InputError(f"num_classes={num_classes} is out of range: give 0 or more.")
        self.n = n
        self.num_classes = num_classes
        self.latent_size = latent_size
        self.seed = seed
        self.start = start

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, item: int) -> dict[str, Any]:
        """Give ``{"image": latent (Z,), "index": number in the series}``, and ``"label"`` where there are classes."""
        if not 0 <= item < self.n:
            raise IndexError(f"item {item} of {self.n} latents")
        index = self.start + item
        sample = {"image": seeded_latents(1, self.latent_size, self.seed, start=index)[0], "index": index}
        return {**sample, "label": index % self.num_classes} if self.num_classes else sample
