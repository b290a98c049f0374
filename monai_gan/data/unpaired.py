"""Two sets of images of different kinds whose samples do not belong to each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai.transforms import Randomizable
from torch.utils.data import Dataset

from monai_gan.errors import InputError


class UnpairedDataset(Dataset[dict[str, Any]], Randomizable):
    """Every image of one set beside a random one of another, for training without pairs.

    The partner is drawn anew each time, from MONAI's random state, so that a
    :class:`~monai_gan.data.StreamLoader` repeats it exactly. Augmentation belongs into the two sets.

    Args:
        first: map-style data set of dictionaries with ``key``; gives ``"image"``, decides the length, and what else its
            samples have is kept.
        second: alike; gives ``"target"``.
        key: of the image in either set.

    Raises:
        InputError: when a set is empty, or at access when a sample has no ``key``.

    Example:
        >>> from monai_gan.data import UnpairedDataset
        >>> pairs = UnpairedDataset([{"image": 1}, {"image": 2}], [{"image": 10}])
        >>> pairs[1]
        {'image': 2, 'target': 10}
    """

    def __init__(self, first: Any, second: Any, key: str = "image") -> None:
        for name, dataset in (("first", first), ("second", second)):
            if not len(dataset):
                raise InputError(f"{name} is empty: check the folder or the list that it was made of.")
        self.first, self.second, self.key = first, second, key

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, index: int) -> dict[str, Any]:
        partner = int(self.R.randint(len(self.second)))
        sample, other = self._checked("first", self.first[index]), self._checked("second", self.second[partner])
        kept = {name: value for name, value in sample.items() if name != self.key}
        return {**kept, "image": sample[self.key], "target": other[self.key]}

    def _checked(self, name: str, sample: Any) -> Mapping[str, Any]:
        if not isinstance(sample, Mapping) or self.key not in sample:
            found = sorted(sample) if isinstance(sample, Mapping) else type(sample).__name__
            raise InputError(f"A sample of {name} has no '{self.key}', only {found}: pass key= to name the right one.")
        return sample
