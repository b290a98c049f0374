"""Features kept as they come, image by image."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.checks import check_rows
from monai_gan.metrics.distributed import gather_rows, gather_values, world_size


class FeatureRows:
    """The features (n, F) of a growing set of images.

    Args:
        name: how errors call the set.
        size: features per image F that are expected; None takes that of the first ones.
    """

    def __init__(self, name: str = "features", size: int | None = None) -> None:
        self.name = name
        self.size = size
        self.count = 0
        self._parts: list[Tensor] = []

    def update(self, features: Tensor) -> None:
        """Add the features of some images.

        Args:
            features: (n, F), kept in their precision on the device of the first ones.

        Raises:
            InputError: if they are no matrix, not finite, or of another width than those before.
        """
        features = check_rows(features, self.name, self.size)
        if len(features):
            # A copy: the caller may use the memory again.
            self._parts.append(features.to(self._parts[0] if self._parts else features, copy=True))
            self.count += len(features)
            self.size = features.shape[1]

    def stacked(self) -> Tensor:
        """All features (n, F).

        Raises:
            InputError: if there are none.
        """
        if not self._parts:
            raise InputError(f"{self.name}: no features were given; call update() first.")
        self._parts = [torch.cat(self._parts)]
        return self._parts[0]

    def clear(self) -> None:
        """Forget all features, but not how many there are per image."""
        self.count, self._parts = 0, []

    def merge(self, other: FeatureRows) -> None:
        """Add the features of another object; that one stays as it is."""
        if other.count:
            self.update(other.stacked())

    def gathered(self) -> FeatureRows:
        """The features of all processes, in the order of the ranks: the same in each, which must all ask.

        Raises:
            InputError: if the processes have features of different widths or types.
        """
        if world_size() == 1:
            return self
        like = (self.size, self._parts[0].dtype) if self._parts else None
        found = gather_values((self.count, like))
        kinds = {kind for _, kind in found if kind is not None}
        together = FeatureRows(self.name)
        if not kinds:
            return together
        if len(kinds) > 1:
            raise InputError(
                f"{self.name}: the processes hold features of the kinds {kinds}; use one extractor in all."
            )
        size, dtype = kinds.pop()
        own = self.stacked() if self.count else torch.empty(0, size, dtype=dtype)
        together.update(gather_rows(own, [count for count, _ in found]))
        return together
