"""Samples of a dataset, drawn once and kept, so that random transforms cost nothing in training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from monai_gan.data.seeding import SeededDataset
from monai_gan.errors import InputError


class DrawnDataset(Dataset[dict[str, Any]]):
    """Draws each sample of a dataset a number of times and keeps all draws in memory.

    For small sets with costly random transforms and small, fast networks, which would wait for them.

    Args:
        dataset: gives dictionaries of tensors and numbers of the same keys and shapes.
        copies: draws per sample, at least 1.
        seed: of the transforms.

    Raises:
        InputError: ``copies`` is below 1.
    """

    deterministic = True

    def __init__(self, dataset: Dataset[dict[str, Any]], copies: int = 1, seed: int = 0) -> None:
        if copies < 1:
            raise InputError(f"copies={copies} is not possible: give 1 or more.")
        self.intensity = getattr(dataset, "intensity", None)
        seeded = SeededDataset(dataset, seed)
        size = len(dataset)  # type: ignore[arg-type]
        draws = seeded.__getitems__([(number, number % size) for number in range(copies * size)])
        self._columns: dict[str, Tensor] = {
            key: torch.stack([torch.as_tensor(draw[key]) for draw in draws]) for key in draws[0]
        }
        self._length = len(draws)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, item: int) -> dict[str, Any]:
        if not 0 <= item < self._length:
            raise IndexError(f"item {item} of {self._length} draws")
        return {key: column[item] for key, column in self._columns.items()}
