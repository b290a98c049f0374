"""An intensity scale that an image of arbitrary units brings with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from monai_gan.data.scaling import IntensityScale
from monai_gan.errors import InputError

#: More voxels are thinned out evenly: percentiles of so many do not change by more than noise does.
MOST_VOXELS = 2_000_000


@dataclass(frozen=True)
class ForegroundScale:
    """Finds what becomes -1 and 1 from the image alone, for units without a meaning such as those of MR.

    The lower bound is a percentile of all values, which the background decides; the upper one a percentile of the
    foreground, of the values above the mean. Neither needs a mask. An image twice as bright gets the same result, and
    more background around the head changes little.

    Args:
        lower: percentile of all values, 0 to 100.
        upper: percentile of the foreground, 0 to 100.

    Raises:
        InputError: a percentile is out of range.
    """

    lower: float = 1.0
    upper: float = 99.5

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value <= 100:
                raise InputError(f"{name}={value} is no percentile: give a number from 0 to 100.")

    def fit(self, image: Tensor, units: str = "arbitrary") -> IntensityScale:
        """Find the scale of an image.

        Args:
            image: any shape; a whole volume, not its slices one by one, which would change brightness between them.
            units: of the image.

        Raises:
            InputError: the image is empty, constant or has values that are not finite.
        """
        values = image.detach().as_subclass(Tensor).flatten()
        if not values.numel():
            raise InputError("The image is empty: there is nothing to scale.")
        # Of all values, not of those that are left: the others are scaled too.
        if count := int((~values.isfinite()).sum()):
            raise InputError(
                f"The image has {count} values that are not finite: replace them (torch.nan_to_num, or the background)."
            )
        values = values[:: max(1, -(-values.numel() // MOST_VOXELS))].float()
        low = _percentile(values, self.lower)
        foreground = values[values > values.mean()]
        high = _percentile(foreground, self.upper) if foreground.numel() else low
        if not low < high:
            raise InputError(f"The image has no contrast: its values go from {low:g} to {high:g}.")
        return IntensityScale(low, high, units)

    def as_dict(self) -> dict[str, Any]:
        """The form kept in a bundle's metadata."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ForegroundScale:
        """Read what :meth:`as_dict` gives; further keys are ignored."""
        try:
            return cls(float(values["lower"]), float(values["upper"]))
        except KeyError as error:
            raise InputError(f"The foreground scale {dict(values)} lacks {error}: give 'lower' and 'upper'.") from error


def _percentile(values: Tensor, percent: float) -> float:
    """The value below which so many percent lie, without interpolation."""
    rank = 1 + round((values.numel() - 1) * percent / 100)
    return float(torch.kthvalue(values, rank).values)
