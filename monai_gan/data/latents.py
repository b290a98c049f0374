"""Latent vectors that depend on (seed, index) alone, so that a sample is the same in any batch and on any device."""

from __future__ import annotations

from collections.abc import Sequence
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
        labels: classes at which the samples take turns, by their number in the series; None for a network without.

    Raises:
        InputError: n, the seed or the start is out of range, or labels is empty.
    """

    deterministic = True

    def __init__(
        self, n: int, latent_size: int, seed: int = 0, start: int = 0, labels: Sequence[int] | None = None
    ) -> None:
        if n < 1:
            raise InputError(f"n={n} is not possible: ask for at least 1 image.")
        if not 0 <= seed < 2**63:
            raise InputError(f"seed={seed} is out of range: give 0 to {2**63 - 1}.")
        if start < 0:
            raise InputError(f"start={start} is out of range: give 0 or more.")
        if labels is not None and not len(labels):
            raise InputError("labels is empty: name at least one class, or leave it out.")
        self.labels = labels
        self.n = n
        self.latent_size = latent_size
        self.seed = seed
        self.start = start

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, item: int) -> dict[str, Any]:
        """Give ``{"image": latent (Z,), "index": number in the series}``, and ``"label"`` where there are labels."""
        if not 0 <= item < self.n:
            raise IndexError(f"item {item} of {self.n} latents")
        index = self.start + item
        sample = {"image": seeded_latents(1, self.latent_size, self.seed, start=index)[0], "index": index}
        return sample if self.labels is None else {**sample, "label": self.labels[index % len(self.labels)]}
