"""Samples whose randomness depends on a seed and a position alone, whatever process makes them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from monai.transforms import Randomizable, Transform
from torch.utils.data import Dataset

# First word of the seed sequence of a sample; see the loader for the order's.
_SAMPLE = 1


class SeededDataset(Dataset[Any]):
    """Makes the sample of a position with every source of randomness seeded from (seed, position).

    Those are MONAI's ``Randomizable`` objects and the global generators of Python, numpy and torch; the latter get
    their state back.

    Args:
        dataset: a map-style dataset.
        seed: seed of the stream.
    """

    def __init__(self, dataset: Dataset[Any], seed: int) -> None:
        self.dataset = dataset
        self.seed = seed
        self.seeders = find_seeders(dataset)
        # A dataset that says so draws nothing at random, and the seeding costs more than its sample.
        self.random = not getattr(dataset, "deterministic", False)

    def __getitems__(self, keys: list[tuple[int, int]]) -> list[Any]:
        """Make the samples of a batch; DataLoader prefers this to ``__getitem__``."""
        if not self.random:
            return [self.dataset[index] for _, index in keys]
        states = random.getstate(), np.random.get_state(), torch.default_generator.get_state()  # noqa: NPY002
        try:
            return [self._seeded(position, index) for position, index in keys]
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
            torch.default_generator.set_state(states[2])

    def _seeded(self, position: int, index: int) -> Any:
        seed, *more = (
            np.random.SeedSequence((_SAMPLE, self.seed, position)).generate_state(1 + len(self.seeders)).tolist()
        )
        for reseed, own in zip(self.seeders, more, strict=True):
            reseed(own)
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.default_generator.manual_seed(seed)
        return self.dataset[index]


def find_seeders(dataset: Any) -> list[Callable[[int], Any]]:
    """Find everything with MONAI's ``set_random_state`` in a dataset, its transforms and the datasets that it wraps.

    Args:
        dataset: any dataset, for instance a MONAI ``CacheDataset`` inside a torch ``Subset``.

    Returns:
        One function per source of randomness, always in the same order, that seeds it. For MONAI's own transforms it
        seeds the generator in place: ``set_random_state`` makes a new one, which costs as much as a light transform.
    """
    seeders: list[Callable[[int], Any]] = []
    seen: set[int] = set()
    waiting: list[Any] = [dataset]
    while waiting:
        item = waiting.pop()
        if id(item) in seen or not isinstance(
            item, (Dataset, Transform, Randomizable, list, tuple, np.random.RandomState)
        ):
            continue
        seen.add(id(item))
        if isinstance(item, np.random.RandomState):
            seeders.append(item.seed)
        elif isinstance(item, (list, tuple)):
            # Longer lists are the data themselves, in which there is nothing to seed.
            waiting += item if len(item) <= 1000 else ()
        else:
            if isinstance(item, Randomizable):
                item.set_random_state(seed=0)  # its own generator, in place of the one that the class shares
                if not type(item).set_random_state.__module__.startswith("monai."):
                    seeders.append(item.set_random_state)
            waiting += vars(item).values()
    return seeders
