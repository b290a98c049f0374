"""Between slices or volumes of any size and the one size that a detector's network takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monai_gan.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

#: Value of what is added around an image: air.
AIR = -1.0


@dataclass(frozen=True)
class Fit:
    """How images (C, *S) become (C, *size) and maps come back.

    The image is scaled, its proportions in millimetres kept, until it fits; what is left is filled with air.

    Args:
        given: size of the image.
        scaled: size after scaling.
        size: that the network takes.
    """

    given: tuple[int, ...]
    scaled: tuple[int, ...]
    size: tuple[int, ...]

    @classmethod
    def whole(cls, given: tuple[int, ...], spacing: tuple[float, ...], size: tuple[int, ...]) -> Fit:
        """An image that is shown as a whole, as large as possible."""
        lengths = [n * length for n, length in zip(given, spacing, strict=True)]
        factor = min(wanted / length for wanted, length in zip(size, lengths, strict=True))
        return cls(given, tuple(max(1, round(length * factor)) for length in lengths), size)

    @classmethod
    def in_millimetres(
        cls, given: tuple[int, ...], spacing: tuple[float, ...], known: tuple[float, ...], size: tuple[int, ...]
    ) -> Fit:
        """An image at the spacing that the network knows.

        Raises:
            InputError: it is then larger than the network's field.
        """
        scaled = tuple(
            max(1, round(n * length / wanted)) for n, length, wanted in zip(given, spacing, known, strict=True)
        )
        if any(one > most for one, most in zip(scaled, size, strict=True)):
            field = " x ".join(f"{n * length:g}" for n, length in zip(size, known, strict=True))
            raise InputError(f"An image of {given} voxels is larger than the network's field of {field} mm: crop it.")
        return cls(given, scaled, size)

    def apply(self, image: Tensor) -> Tensor:
        """(C, *given) to (C, *size)."""
        import torch

        from monai_gan.data.resize import resize

        result = torch.full((len(image), *self.size), AIR)
        result[self._inside] = resize(image.float(), self.scaled)
        return result

    def restore(self, values: Tensor) -> Tensor:
        """(C, *size) to (C, *given)."""
        from monai_gan.data.resize import resize

        return resize(values[self._inside].contiguous(), self.given)

    @property
    def _inside(self) -> tuple[slice, ...]:
        starts = [(most - one) // 2 for one, most in zip(self.scaled, self.size, strict=True)]
        return (slice(None), *(slice(start, start + one) for start, one in zip(starts, self.scaled, strict=True)))
