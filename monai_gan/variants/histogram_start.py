"""A first guess of what an image looks like in another contrast, from unpaired images alone."""

from __future__ import annotations

import torch
from torch import Tensor


class HistogramStart:
    """Gives the foreground of images the histogram of other images, in the same or in the opposite order.

    The guess that :class:`~monai_gan.variants.CycleGAN` can start from: a round trip alone does not tell which tissue
    of one contrast is which of another that is nearly its negative, as T2 is of T1. Every voxel is treated by its value
    alone, by the quantiles of all images of the batch together.

    Args:
        inverted: whether what is bright in one kind of image is dark in the other.
        background: values up to this are background, and stay.
        quantiles: supporting points of the curve.

    Raises:
        ValueError: when there are fewer than 2 ``quantiles``.
    """

    def __init__(self, inverted: bool = True, background: float = -0.9, quantiles: int = 128) -> None:
        if quantiles < 2:
            raise ValueError(f"quantiles={quantiles} make no curve: give 2 or more.")
        self.inverted, self.background, self.quantiles = inverted, background, quantiles

    @torch.no_grad()
    def __call__(self, image: Tensor, other: Tensor) -> Tensor:
        """Images (N, C, *S) in [-1, 1] with the histogram of ``other`` (M, C, *T); unchanged where one is empty."""
        image, sign = image.float(), -1 if self.inverted else 1
        values, wanted = sign * image[image > self.background], other.float()[other > self.background]
        if not len(values) or not len(wanted):
            return image
        known, curve = _quantiles(values, self.quantiles), _quantiles(wanted, self.quantiles)
        upper = torch.searchsorted(known, values).clamp(1, self.quantiles - 1)
        low, high = known[upper - 1], known[upper]
        share = ((values - low) / (high - low).clamp_min(1e-6)).clamp(0, 1)
        result = image.clone()
        result[image > self.background] = torch.lerp(curve[upper - 1], curve[upper], share)
        return result


def _quantiles(values: Tensor, count: int) -> Tensor:
    places = torch.linspace(0, len(values) - 1, count, device=values.device).long()
    return values.sort().values[places]
