"""Mean and covariance of features in one pass over the data, in float64, mergeable (Chan, Golub, LeVeque 1983)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.distributed import gather_values, sum_over_processes, world_size
from monai_gan.metrics.hashing import tensor_bytes
from monai_gan.metrics.rows import FeatureRows

#: Rows that are centred at once; bounds the memory of a fold.
FOLDED_AT_ONCE = 8192
#: Columns of a matrix of products that are computed at once.
STRIP = 256


class FeatureStatistics:
    """Count, mean and scatter of the features of a growing set of images.

    As long as there are no more images than features, the features themselves are kept: they are smaller than the
    scatter matrix, and the Fréchet distance is exact and fast from them. Beyond that they are folded into mean and
    scatter, in blocks, so that memory stays at about twice F x F however many images come. Folding merges centred
    moments and never subtracts large sums of squares.

    Args:
        name: how errors call the set.
    """

    def __init__(self, name: str = "features") -> None:
        self.name = name
        self._pending = FeatureRows(name)
        self._count = 0
        self._mean: Tensor | None = None
        self._scatter: Tensor | None = None

    @classmethod
    def of(cls, features: Tensor, name: str = "features") -> FeatureStatistics:
        """The statistics of one matrix of features (n, F)."""
        statistics = cls(name)
        statistics.update(features)
        return statistics

    @property
    def count(self) -> int:
        """Number of images."""
        return self._count + self._pending.count

    @property
    def size(self) -> int | None:
        """Features per image F; None before the first ones came."""
        return self._pending.size

    def update(self, features: Tensor) -> None:
        """Add the features of some images.

        Args:
            features: (n, F), on any device; the statistics stay on that of the first ones.

        Raises:
            InputError: if they are no matrix, not finite, or of another width than those before.
        """
        self._pending.update(features)
        if self._pending.count > (self.size or 0):
            self._fold()

    def merge(self, other: FeatureStatistics) -> None:
        """Add what another object has seen; that one stays as it is.

        Raises:
            InputError: if its features have another width.
        """
        if self.size is not None and other.size is not None and self.size != other.size:
            raise InputError(
                f"{self.name}: {other.size} features cannot be merged with {self.size}; use one extractor."
            )
        if other._mean is not None and other._scatter is not None:
            self._fold()
            self._absorb(other._count, other._mean, other._scatter)
        if other._pending.count:
            self.update(other._pending.stacked())

    def gathered(self) -> FeatureStatistics:
        """What all processes have seen together: the same in each, which must all ask.

        Raises:
            InputError: if the processes have features of different widths.
        """
        if world_size() == 1:
            return self
        found = gather_values((self.count, self.size, self._mean is not None))
        sizes = {size for _, size, _ in found if size is not None}
        if len(sizes) > 1:
            raise InputError(f"{self.name}: the processes hold {sizes} features per image; use one extractor in all.")
        together = FeatureStatistics(self.name)
        total = sum(count for count, _, _ in found)
        if not total:
            return together
        if not any(folded for _, _, folded in found) and total <= max(sizes):
            together._pending = self._pending.gathered()
            return together
        self._fold()
        mean, scatter = self._mean, self._scatter
        if mean is None or scatter is None:  # a process without any image
            size = max(sizes)
            mean, scatter = torch.zeros(size, dtype=torch.float64), torch.zeros(size, size, dtype=torch.float64)
        overall = sum_over_processes(mean * self._count) / total
        apart = mean - overall
        together._set(total, overall, sum_over_processes(scatter + self._count * torch.outer(apart, apart)))
        return together

    @property
    def mean(self) -> Tensor:
        """Mean of each feature (F,), float64."""
        if self._mean is None:
            return self._pending.stacked().double().mean(dim=0)
        self._fold()
        return self._mean

    def covariance(self) -> Tensor:
        """Unbiased covariance (F, F), float64; needs two images or more."""
        scatter = self.scatter()
        if scatter is None:
            return gram(self._rows())
        return scatter / (self.count - 1)

    def variances(self) -> Tensor:
        """Unbiased variance of each feature (F,), float64; needs two images or more."""
        scatter = self.scatter()
        if scatter is None:
            return self._rows().square().sum(dim=0)
        return scatter.diagonal() / (self.count - 1)

    def rows(self) -> Tensor | None:
        """Centred features over sqrt(n - 1), (n, F) float64, whose product with their transpose is the covariance.

        None when there are more images than features.
        """
        return self._rows() if self._mean is None else None

    def scatter(self) -> Tensor | None:
        """Sum of the outer products of centred features (F, F), float64; None as long as the features are kept."""
        if self._mean is not None:
            self._fold()
        return self._scatter

    def state_dict(self) -> dict[str, Any]:
        """Everything in tensors and numbers: ``torch.save`` keeps it, ``from_state_dict`` reads it."""
        if self._mean is None:
            return {"rows": self._pending.stacked()}
        self._fold()
        return {"count": self._count, "mean": self._mean, "scatter": self._scatter}

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any], name: str = "features") -> FeatureStatistics:
        """Read what ``state_dict`` gives.

        Raises:
            InputError: if it is something else.
        """
        if set(state) == {"rows"}:
            return cls.of(state["rows"], name)
        if set(state) != {"count", "mean", "scatter"}:
            raise InputError(f"{name}: {sorted(state)} are no statistics of features; give what state_dict() returned.")
        statistics = cls(name)
        statistics._set(int(state["count"]), state["mean"].double(), state["scatter"].double())
        return statistics

    @property
    def sha256(self) -> str:
        """Checksum of the state: tells which reference a figure was measured against."""
        digest = hashlib.sha256()
        for key, value in self.state_dict().items():
            digest.update(key.encode())
            digest.update(tensor_bytes(value) if isinstance(value, Tensor) else str(value).encode())
        return digest.hexdigest()

    def _rows(self) -> Tensor:
        rows = self._pending.stacked().double()
        return (rows - rows.mean(dim=0)) / max(len(rows) - 1, 1) ** 0.5

    def _set(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        self._count, self._mean, self._scatter = count, mean, scatter
        self._pending = FeatureRows(self.name, len(mean))

    def _fold(self) -> None:
        """Move the kept features into mean and scatter."""
        if not self._pending.count:
            return
        for rows in self._pending.stacked().split(FOLDED_AT_ONCE):
            block = rows.double()
            mean = block.mean(dim=0)
            block = block - mean
            self._absorb(len(block), mean, gram(block))
        self._pending.clear()

    def _absorb(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        """Merge the moments of another set (Chan et al. 1983, equations 2.1)."""
        if self._mean is None or self._scatter is None:
            self._set(count, mean.clone(), scatter.clone())
            return
        total = self._count + count
        apart = mean.to(self._mean) - self._mean
        self._mean = self._mean + apart * (count / total)
        self._scatter = self._scatter + scatter.to(self._scatter)
        self._scatter += torch.outer(apart, apart) * (self._count * count / total)
        self._count = total


def gram(rows: Tensor) -> Tensor:
    """The products of all columns of a matrix (n, F) with each other, (F, F), of which only half is computed."""
    size = rows.shape[1]
    products = rows.new_empty(size, size)
    for start in range(0, size, STRIP):
        strip = slice(start, start + STRIP)
        part = rows[:, strip].T @ rows[:, start:]
        products[strip, start:] = part
        products[start:, strip] = part.T
    return products
