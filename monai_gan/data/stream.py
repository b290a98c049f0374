"""An endless, exactly resumable stream of training batches: what batch k holds depends on (dataset, seed, k) alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from monai.data.utils import list_data_collate
from torch.utils.data import DataLoader, Dataset

from monai_gan.data.seeding import SeededDataset
from monai_gan.errors import InputError, MonaiGanError

# First word of the seed sequence of an epoch's order; the samples' own is another, so that the two are unrelated.
_ORDER = 0


class StreamLoader:
    """Batches without end, the same ones whatever the number of workers and wherever a training was interrupted.

    The stream is a numbered line of samples: position p lies in epoch ``p // n`` and holds the sample
    ``permutation(seed, epoch)[p % n]``. Random transforms are re-seeded from ``(seed, p)`` just before the sample is
    made: MONAI's ``Randomizable`` ones, and Python's, numpy's and torch's global generators, which get their state back
    afterwards. Global batch k holds the positions ``[k * B * W, (k + 1) * B * W)`` and rank r its r-th contiguous
    share, so that W ranks of batch size B train on what one rank of batch size ``B * W`` would. No sample is dropped: a
    batch may reach into the next epoch.

    Iterating gives the rest of the running epoch (``len(loader)`` batches from its beginning) and stops; ``stream()``
    never stops. Both move the same position and share the same workers.

    Args:
        dataset: a map-style dataset.
        batch_size: samples per batch and rank (B).
        seed: seed of order and augmentation, at least 0.
        shuffle: permute each epoch; otherwise the order of the dataset.
        num_workers: worker processes, 0 for none; they stay alive over epochs.
        num_replicas: number of ranks (W); default: ``torch.distributed`` when initialised, else 1, asked when iteration
            begins.
        rank: this rank, as ``num_replicas``.
        collate_fn: makes a batch of a list of samples; default: MONAI's ``list_data_collate``.
        pin_memory: page-locked batches; ignored without CUDA.

    Raises:
        InputError: ``batch_size`` is below 1, ``seed`` or ``num_workers`` is negative, or the dataset is smaller than
            one global batch.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        num_workers: int = 0,
        num_replicas: int | None = None,
        rank: int | None = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
    ) -> None:
        if not isinstance(batch_size, int) or batch_size < 1:
            raise InputError(f"batch_size={batch_size} is not possible: give a whole number of at least 1.")
        if seed < 0:
            raise InputError(f"seed={seed} is not possible: give 0 or more.")
        if num_workers < 0:
            raise InputError(f"num_workers={num_workers} is not possible: give 0 or more.")
        self.dataset = dataset
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.num_workers = num_workers
        self.num_replicas = num_replicas
        self.rank = rank
        self.collate_fn = list_data_collate if collate_fn is None else collate_fn
        self.pin_memory = pin_memory
        self._position = 0
        self._batches: Iterator[Any] | None = None
        self._check_size(num_replicas or 1)

    def __len__(self) -> int:
        """Batches per epoch: n // (B * W)."""
        replicas, _ = self._world()
        self._check_size(replicas)
        return self._samples() // (self.batch_size * replicas)

    def __iter__(self) -> Iterator[Any]:
        length = len(self)
        for _ in range(length - self._position % length):
            yield self._next()

    def stream(self) -> Iterator[Any]:
        """Iterate without end from the current position."""
        while True:
            yield self._next()

    def state_dict(self) -> dict[str, int]:
        """The position: the number of batches handed out; those that workers hold ready do not count."""
        return {"position": self._position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue after the batch at which ``state_dict`` was taken."""
        self._position = int(state["position"])
        self.close()

    def close(self) -> None:
        """Stop the workers; the position stays, and the next batch starts them again."""
        # Left to the garbage collector after an error, torch waits five seconds for each worker.
        shut_down = getattr(self._batches, "_shutdown_workers", None)
        self._batches = None
        if shut_down is not None:
            shut_down()

    def _next(self) -> Any:
        if self._batches is None:
            self._batches = iter(self._loader())
        try:
            batch = next(self._batches)
        except BaseException as error:
            self.close()
            if isinstance(error, MonaiGanError) and "in DataLoader worker process" in str(error):
                raise _without_worker(error) from error
            raise
        self._position += 1
        return batch

    def _loader(self) -> DataLoader[Any]:
        replicas, rank = self._world()
        self._check_size(replicas)
        order = _BatchOrder(self._samples(), self.batch_size, self.seed, self.shuffle, self._position, replicas, rank)
        return DataLoader(
            SeededDataset(self.dataset, self.seed),
            batch_sampler=order,
            num_workers=self.num_workers,
            collate_fn=self.collate_fn,
            pin_memory=self.pin_memory and torch.cuda.is_available(),
            # DataLoader draws a seed for its workers: from the global generator, a resumed training would differ from
            # here on.
            generator=torch.Generator().manual_seed(self.seed),
        )

    def _world(self) -> tuple[int, int]:
        ready = torch.distributed.is_available() and torch.distributed.is_initialized()
        replicas, rank = self.num_replicas, self.rank
        if replicas is None:
            replicas = torch.distributed.get_world_size() if ready else 1
        if rank is None:
            rank = torch.distributed.get_rank() if ready else 0
        if not 0 <= rank < replicas:
            raise InputError(f"rank={rank} is not possible with num_replicas={replicas}: give 0 to {replicas - 1}.")
        return replicas, rank

    def _samples(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def _check_size(self, replicas: int) -> None:
        needed, found = self.batch_size * replicas, self._samples()
        if found < needed:
            ranks = f" on {replicas} ranks" if replicas > 1 else ""
            raise InputError(
                f"batch_size={self.batch_size}{ranks} needs {needed} images, but the dataset has {found}; "
                f"try batch_size={max(found // replicas, 1)} or give more images."
            )


def _without_worker(error: MonaiGanError) -> MonaiGanError:
    """Give the sentence of an error back its form: DataLoader puts a worker's whole traceback into the text."""
    return type(error)(str(error).rstrip().rsplit(f"{type(error).__name__}: ", 1)[-1])


class _BatchOrder:
    """One rank's batches as lists of (position, index), without end."""

    def __init__(
        self, samples: int, batch_size: int, seed: int, shuffle: bool, first_batch: int, replicas: int, rank: int
    ) -> None:
        self.samples = samples
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.first_position = (first_batch * replicas + rank) * batch_size
        self.stride = replicas * batch_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        start, epoch, order = self.first_position, -1, np.empty(0, dtype=np.int64)
        while True:
            batch = []
            for position in range(start, start + self.batch_size):
                if position // self.samples != epoch:
                    epoch = position // self.samples
                    order = self._order(epoch)
                batch.append((position, int(order[position % self.samples])))
            yield batch
            start += self.stride

    def _order(self, epoch: int) -> np.ndarray:
        if not self.shuffle:
            return np.arange(self.samples)
        # RandomState, unlike Generator, promises the same permutation in every release of numpy.
        bits = np.random.MT19937(np.random.SeedSequence((_ORDER, self.seed, epoch)))
        return np.random.RandomState(bits).permutation(self.samples)
