"""Smooth warps of a batch, each sample with its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.augment.draws import Draws
from monai_gan.errors import InputError
from monai_gan.transforms.warp import check_warp


class WarpBatch:
    """Zoom, turn, shift, mirror and bend 2-D images and cut them to a size, by one cubic interpolation.

    The counterpart of :class:`~monai_gan.transforms.RandWarpd` for a batch on the device.

    Args:
        keys: images (N, C, H, W) of one shape; those of a sample are warped alike.
        size: rows and columns of the result.
        prob: probability of a warp; without one the image is only mirrored and cut where chance says.
        zoom: least and largest magnification; its logarithm is drawn evenly.
        stretch: largest further change of one axis' scale, as a share.
        rotation: largest angle in degrees.
        bend: largest displacement in pixels of the nodes of the elastic field.
        bend_spacing: pixels between these nodes.
        mirror: axis of an image to flip with probability one half (0 is left and right of RAS volumes), or None.
        background: value beyond the border.

    Raises:
        InputError: a number is out of range, or at the call the images are not (N, C, H, W) of one shape.
    """

    def __init__(
        self,
        keys: Sequence[str],
        size: Sequence[int],
        prob: float = 0.8,
        zoom: Sequence[float] = (0.75, 1.35),
        stretch: float = 0.08,
        rotation: float = 12.0,
        bend: float = 2.5,
        bend_spacing: int = 24,
        mirror: int | None = 0,
        background: float = -1.0,
    ) -> None:
        check_warp(size, zoom, stretch, bend, bend_spacing, mirror)
        self.keys, self.size, self.prob = list(keys), tuple(size), prob
        self.zoom, self.stretch, self.rotation = (zoom[0], zoom[1]), stretch, rotation
        self.bend, self.bend_spacing = bend, bend_spacing
        self.mirror, self.background = mirror, background

    def __call__(self, batch: dict[str, Tensor], draws: Draws) -> dict[str, Tensor]:
        """The batch with warped images (N, C, *size)."""
        images = [batch[key] for key in self.keys]
        shapes = {(len(image), *image.shape[2:]) for image in images}
        if len(shapes) != 1 or images[0].ndim != 4:
            raise InputError(f"The images {self.keys} have shapes {sorted(shapes)}: give images (N, C, H, W) alike.")
        together = torch.cat(images, dim=1)
        height, width = together.shape[2:]
        places = self._places(len(together), (height, width), draws)
        grid = torch.stack([(2 * places[..., 1] + 1) / width - 1, (2 * places[..., 0] + 1) / height - 1], dim=-1)
        # Beyond the border grid_sample gives 0, which is made the background here.
        shifted = together - self.background
        warped = F.grid_sample(shifted, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
        # Cubic interpolation overshoots at edges; the background, 0, is allowed whatever the image holds.
        lowest, highest = (
            shifted.amin((2, 3), keepdim=True).clamp_max(0),
            shifted.amax((2, 3), keepdim=True).clamp_min(0),
        )
        warped = warped.clamp(lowest, highest) + self.background
        parts = warped.split([image.shape[1] for image in images], dim=1)
        return {**batch, **dict(zip(self.keys, parts, strict=True))}

    def _places(self, n: int, shape: tuple[int, int], draws: Draws) -> Tensor:
        """Where in the image each pixel of the result comes from: (N, *size, 2), in pixels (row, column)."""
        warped = draws.chance(self.prob, n)
        angle = draws.uniform(-math.radians(self.rotation), math.radians(self.rotation), n) * warped
        least, largest = self.zoom
        scale = draws.log_uniform(least, largest, n)[:, None] * (1 + draws.uniform(-self.stretch, self.stretch, n, 2))
        across = torch.where(warped[:, None] > 0, 1 / scale, 1.0)
        if self.mirror is not None:
            across[:, self.mirror] *= 1 - 2 * draws.chance(0.5, n)
        cosine, sine = angle.cos(), angle.sin()
        turn = torch.stack([cosine, -sine, sine, cosine], dim=1).view(n, 2, 2) * across[:, None]
        rows, columns = (torch.arange(size, device=draws.device) - (size - 1) / 2 for size in self.size)
        here = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1)
        places = torch.einsum("hwj,nij->nhwi", here, turn)
        for axis in range(2):
            # How far the shown part may lie from the middle of the image; whole pixels, so that without a warp nothing
            # is interpolated.
            room = abs(shape[axis] - self.size[axis]) // 2
            middle = (shape[axis] - 1) / 2 + (self.size[axis] - shape[axis]) % 2 / 2
            places[..., axis] += (draws.uniform(-room, room, n).round() + middle)[:, None, None]
        if self.bend:
            nodes = [math.ceil(size / self.bend_spacing) + 3 for size in self.size]
            field = draws.uniform(-self.bend, self.bend, n, 2, *nodes) * warped.view(n, 1, 1, 1)
            places += F.interpolate(field, self.size, mode="bicubic", align_corners=True).movedim(1, -1)
        return places
