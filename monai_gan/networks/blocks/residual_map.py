"""What a reconstruction leaves over of an image, as a map of anomaly."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIGNS = ("both", "bright", "dark")


class ResidualMap(nn.Module):
    """The difference of image and reconstruction as one channel; no parameters.

    The default is the mean over channels of |x - x'|. The options are not of the papers. A reconstruction is never
    aligned to the pixel, so that every edge of normal anatomy leaves a residual; where ``edge_floor`` is given, the
    residual is divided by ``edge_floor`` plus the slope of the reconstruction there, per pixel.

    Args:
        sign: ``"both"``; ``"bright"`` keeps what is brighter than the reconstruction, ``"dark"`` what is darker.
        edge_floor: slope, in image units per pixel, at which the residual of an edge counts half; None: no division.
        smoothing: passes of a binomial filter of width 3 over the map, each with a variance of half a pixel.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(self, sign: str = "both", edge_floor: float | None = None, smoothing: int = 0) -> None:
        super().__init__()
        if sign not in SIGNS:
            raise ValueError(f"sign={sign!r} is unknown; choose one of {', '.join(SIGNS)}.")
        if edge_floor is not None and not edge_floor > 0:
            raise ValueError(f"edge_floor={edge_floor} is not possible: give a number above 0, or None.")
        if smoothing < 0:
            raise ValueError(f"smoothing={smoothing} is not possible: give 0 or more passes.")
        self.sign = sign
        self.edge_floor = edge_floor
        self.smoothing = smoothing

    def extra_repr(self) -> str:
        return f"sign={self.sign}, edge_floor={self.edge_floor}, smoothing={self.smoothing}"

    def forward(self, image: Tensor, reconstruction: Tensor) -> Tensor:
        """Map images and reconstructions (N, C, *S) to a map (N, 1, *S), at least 0."""
        difference = image - reconstruction
        if self.sign == "bright":
            difference = difference.clamp(min=0)
        elif self.sign == "dark":
            difference = difference.clamp(max=0)
        left = difference.abs().mean(1, keepdim=True)
        if self.edge_floor is not None:
            left = left / (self.edge_floor + _slope(_smooth(reconstruction.mean(1, keepdim=True))))
        for _ in range(self.smoothing):
            left = _smooth(left)
        return left


def _neighbours(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Each pixel's neighbours before and after along an axis; the border is repeated."""
    size = x.shape[axis]
    first, last = x.narrow(axis, 0, 1), x.narrow(axis, size - 1, 1)
    padded = torch.cat([first, x, last], axis)
    return padded.narrow(axis, 0, size), padded.narrow(axis, 2, size)


def _smooth(x: Tensor) -> Tensor:
    for axis in range(2, x.dim()):
        before, after = _neighbours(x, axis)
        x = (before + 2 * x + after) / 4
    return x


def _slope(x: Tensor) -> Tensor:
    """Norm of the gradient, from central differences."""
    squares = torch.zeros_like(x)
    for axis in range(2, x.dim()):
        before, after = _neighbours(x, axis)
        squares = squares + ((after - before) / 2).square()
    return squares.sqrt()
