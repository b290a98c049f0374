"""Classical augmentation of whole batches: the opponent that synthetic images have to beat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class ClassicalAugmentation:
    """Random rotation, scaling, shift, mirroring, contrast, brightness and noise, drawn anew for each image.

    A whole batch is resampled at once, which on small images is some fifty times faster than transforms that take one
    image at a time. Each number is the largest magnitude; 0 leaves that part out.

    Args:
        rotate: degrees, in every plane.
        scale: relative change of the size; 0.1 stands for 0.9 to 1.1.
        shift: in shares of the image's side.
        mirror: reverse the last axis in half of the images.
        contrast: relative change of the values' spread about zero.
        brightness: added to the values.
        noise: standard deviation of normal noise.
    """

    rotate: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    mirror: bool = False
    contrast: float = 0.0
    brightness: float = 0.0
    noise: float = 0.0

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Augment a batch.

        Args:
            images: (N, C, *S) in 2-D or 3-D, in [-1, 1].
            generator: of the random numbers, on the CPU.

        Returns:
            Images of the same shape, in [-1, 1]; borders are continued outwards.
        """
        n = len(images)
        each = (n, *[1] * (images.ndim - 1))

        def uniform(*shape: int) -> Tensor:
            return torch.rand(n, *shape, generator=generator) * 2 - 1

        values = self._moved(images, uniform) if self.rotate or self.scale or self.shift else images
        if self.mirror:
            chosen = (torch.rand(n, generator=generator) < 0.5).to(values.device)
            values = torch.where(chosen.view(each), values.flip(-1), values)
        gain, offset = 1 + self.contrast * uniform(), self.brightness * uniform()
        values = values * gain.view(each).to(values) + offset.view(each).to(values)
        if self.noise:
            values = values + self.noise * torch.randn(values.shape, generator=generator).to(values)
        return values.clamp(-1, 1)

    def _moved(self, images: Tensor, uniform: Callable[..., Tensor]) -> Tensor:
        """Rotate about the middle, scale and shift."""
        dims = images.ndim - 2
        # exp of an antisymmetric matrix is a rotation, in any number of dimensions.
        upper = uniform(dims, dims).triu(1) * torch.pi * self.rotate / 180
        matrix = torch.linalg.matrix_exp(upper - upper.mT) * (1 + self.scale * uniform(1, 1))
        # The grid's coordinates run from -1 to 1, so that a side is 2.
        where = torch.cat([matrix, 2 * self.shift * uniform(dims, 1)], dim=2).to(images)
        grid = F.affine_grid(where, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
