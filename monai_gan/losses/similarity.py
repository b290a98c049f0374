"""What the losses and metrics in place of MONAI's have in common: options, and batches of any real type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from monai_gan.ops import ms_ssim, ssim
from monai_gan.ops.ssim import windows


class Similarity:
    """Structural similarity of batches with MONAI's arguments.

    Args:
        spatial_dims: 2 or 3.
        weights: exponents of the scales, finest first; None for one scale.
        **window: further arguments of :func:`monai_gan.ops.ssim`.

    Raises:
        ValueError: an option does not fit.
    """

    def __init__(self, spatial_dims: int, weights: Sequence[float] | None = None, **window: Any) -> None:
        if spatial_dims not in (2, 3):
            raise ValueError(f"ssim: spatial_dims={spatial_dims} cannot be served; give 2 or 3.")
        windows(spatial_dims, window["kernel_type"], window["win_size"], window["kernel_sigma"])
        self.spatial_dims = spatial_dims
        self.weights = weights
        self.window = window

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Similarity per sample, over all channels: (N, 1).

        Args:
            x: images or volumes (N, C, *S); integers are computed in float32.
            y: the same shape.

        Raises:
            ValueError: they are no tensors of this shape, or too small.
        """
        for name, each in (("first", x), ("second", y)):
            if not isinstance(each, Tensor):
                raise ValueError(f"ssim: the {name} batch is a {type(each).__name__}; give a torch.Tensor.")
            if each.ndim != self.spatial_dims + 2:
                raise ValueError(
                    f"ssim: the {name} batch has shape {tuple(each.shape)}, which does not fit spatial_dims="
                    f"{self.spatial_dims}; give (N, C, {'H, W' if self.spatial_dims == 2 else 'D, H, W'})."
                )
        x, y = _bare(x), _bare(y)
        if self.weights is None:
            return ssim(x, y, **self.window).mean(1, keepdim=True)
        return ms_ssim(x, y, weights=self.weights, **self.window)[:, None]


class Ranged:
    """What has a ``similarity``, with the range of its images in sight."""

    similarity: Similarity

    @property
    def data_range(self) -> float:
        """Largest value of the images less the smallest; may be set between calls."""
        return float(self.similarity.window["data_range"])

    @data_range.setter
    def data_range(self, value: float) -> None:
        self.similarity.window["data_range"] = value


def _bare(x: Tensor) -> Tensor:
    """Without a subclass such as MONAI's ``MetaTensor``, and with a floating point."""
    if type(x) is not Tensor and not torch.compiler.is_compiling():  # the tensors of a compiler are its own
        x = x.as_subclass(Tensor)
    return x if x.is_floating_point() else x.to(torch.float32)
