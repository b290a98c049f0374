"""The linear map between image units and the range [-1, 1] of the networks, with its inverse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from monai_gan.errors import InputError


@dataclass(frozen=True)
class IntensityScale:
    """Image units ``minimum .. maximum`` onto [-1, 1] and back.

    Values outside are clipped on the way to the model; inside, ``to_image(to_model(x))`` gives x back to rounding of
    float32, so that rounded 8-bit and 16-bit values come back exactly.

    Args:
        minimum: image value that becomes -1.
        maximum: image value that becomes 1.
        units: the unit's name, for instance ``"HU"``.

    Raises:
        InputError: the bounds are not finite or not in order.
    """

    minimum: float
    maximum: float
    units: str = "arbitrary"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.minimum) and math.isfinite(self.maximum) and self.minimum < self.maximum):
            raise InputError(
                f"intensity from {self.minimum} to {self.maximum} is not a range: "
                "give a finite minimum below a finite maximum."
            )

    def to_model(self, image: Tensor) -> Tensor:
        """Map image units onto [-1, 1], clipped; float32, a new tensor."""
        scale = 2.0 / (self.maximum - self.minimum)
        # Centred before the division, so that 12-bit and 16-bit values keep all the digits that float32 has.
        return image.float().sub(self.minimum).mul_(scale).sub_(1.0).clamp_(-1.0, 1.0)

    def to_image(self, image: Tensor) -> Tensor:
        """Map [-1, 1] onto image units; float32, a new tensor."""
        return image.float().add(1.0).mul_((self.maximum - self.minimum) / 2.0).add_(self.minimum)

    @property
    def png_bits(self) -> int:
        """Bits per value of a PNG that keeps the image units: 8 or 16, or 0 when none does."""
        # Below about 7 bits of whole numbers, rounding would be seen.
        if self.minimum < 0 or self.maximum > 65535 or self.maximum - self.minimum < 127:
            return 0
        return 8 if self.maximum <= 255 else 16

    def as_dict(self) -> dict[str, Any]:
        """The form kept in a bundle's metadata, key ``intensity``."""
        return {"minimum": self.minimum, "maximum": self.maximum, "units": self.units}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> IntensityScale:
        """Read what ``as_dict`` gives; further keys are ignored."""
        try:
            return cls(float(values["minimum"]), float(values["maximum"]), str(values.get("units", "arbitrary")))
        except KeyError as error:
            raise InputError(f"intensity {dict(values)} lacks {error}: give 'minimum' and 'maximum'.") from error

    @classmethod
    def from_images(
        cls, images: np.ndarray, lower: float = 0.1, upper: float = 99.9, units: str = "arbitrary"
    ) -> IntensityScale:
        """Choose the bounds from data: 0 to 255 for 8-bit images, else percentiles.

        Args:
            images: an array of any shape; of training images only, so that nothing leaks from the others.
            lower: percentile that becomes -1, in percent.
            upper: percentile that becomes 1, in percent.
            units: the unit's name.

        Raises:
            InputError: the images hold one value only.
        """
        if images.dtype == np.uint8:
            return cls(0.0, 255.0, units)
        # A regular subset is enough for a percentile and keeps large sets fast.
        values = images.reshape(-1)[:: max(images.size // 10_000_000, 1)]
        minimum, maximum = (float(v) for v in np.percentile(values, (lower, upper)))
        if minimum == maximum:
            minimum, maximum = float(images.min()), float(images.max())
        if minimum == maximum:
            raise InputError(f"every image value is {minimum}: an intensity range needs at least two values.")
        return cls(minimum, maximum, units)
