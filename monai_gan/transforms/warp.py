"""One random smooth warp of all images of a slice, sampled once."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms import MapTransform, RandomizableTransform
from torch import Tensor

from monai_gan.errors import InputError


def check_warp(
    size: Sequence[int], zoom: Sequence[float], stretch: float, bend: float, bend_spacing: int, mirror: int | None
) -> None:
    """Refuse settings of a warp that are out of range; arguments as for `RandWarpd`.

    Raises:
        InputError: one is.
    """
    if len(size) != 2 or min(size) < 1:
        raise InputError(f"size={tuple(size)} is not possible: give rows and columns of at least 1.")
    if len(zoom) != 2 or not 0 < zoom[0] <= zoom[1]:
        raise InputError(f"zoom={tuple(zoom)} is not possible: give the least and the largest, above 0.")
    if not 0 <= stretch < 1 or bend < 0 or bend_spacing < 1:
        raise InputError(
            f"stretch={stretch}, bend={bend} and bend_spacing={bend_spacing} must be a share below 1, at least 0 "
            "and at least 1."
        )
    if mirror not in (None, 0, 1):
        raise InputError(f"mirror={mirror!r} is not possible: give 0, 1 or None.")


class RandWarpd(RandomizableTransform, MapTransform):
    """Zoom, turn, shift, mirror and bend 2-D images by one random map, and cut them to a size.

    A chain of MONAI's transforms interpolates once per transform, which blurs the target of a training pair, and
    its random zoom is another one per axis. Here one map is made and sampled once, with cubic interpolation. Beyond
    the border the image is taken to be ``background``.

    Args:
        keys: images (C, H, W) of one shape, all warped alike.
        size: rows and columns of the result.
        prob: probability of a warp; without one the image is only mirrored and cut where chance says.
        zoom: least and largest magnification; its logarithm is drawn evenly.
        stretch: largest further change of one axis' scale, as a share.
        rotation: largest angle in degrees.
        bend: largest displacement in pixels of the nodes of the elastic field.
        bend_spacing: pixels between these nodes.
        mirror: axis of an image to flip with probability one half (0 is left and right of RAS volumes), or None.
        background: value beyond the border.
        allow_missing_keys: whether to pass over samples that lack a key.

    Raises:
        InputError: a number is out of range, or at the call an image is not (C, H, W) or the shapes differ.
    """

    def __init__(
        self,
        keys: KeysCollection,
        size: Sequence[int],
        prob: float = 0.8,
        zoom: Sequence[float] = (0.75, 1.35),
        stretch: float = 0.08,
        rotation: float = 12.0,
        bend: float = 2.5,
        bend_spacing: int = 24,
        mirror: int | None = 0,
        background: float = -1.0,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        check_warp(size, zoom, stretch, bend, bend_spacing, mirror)
        self.size = tuple(size)
        self.zoom, self.stretch, self.rotation = tuple(zoom), stretch, rotation
        self.bend, self.bend_spacing = bend, bend_spacing
        self.mirror, self.background = mirror, background

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The sample with warped images (C, *size)."""
        sample = dict(data)
        keys = list(self.key_iterator(sample))  # type: ignore[no-untyped-call]
        shapes = {tuple(sample[key].shape[1:]) for key in keys}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise InputError(f"The images {keys} have shapes {sorted(shapes)}: give images (C, H, W) of one shape.")
        self.randomize(None)
        places = self._places(next(iter(shapes)))
        for key in keys:
            image = torch.as_tensor(sample[key])
            warped = self._sample(image.as_subclass(Tensor), places)
            sample[key] = MetaTensor(warped, meta=image.meta) if isinstance(image, MetaTensor) else warped
        return sample

    def _places(self, shape: tuple[int, ...]) -> Tensor:
        """Where in the image each pixel of the result comes from: (*size, 2), in pixels (row, column)."""
        draw = self.R.uniform
        turn = torch.eye(2)
        if self._do_transform:
            angle = math.radians(draw(-self.rotation, self.rotation))
            least, largest = self.zoom
            scale = math.exp(draw(math.log(least), math.log(largest)))
            across = [1 / (scale * (1 + draw(-self.stretch, self.stretch))) for _ in range(2)]
            turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
            turn = turn * torch.tensor(across)
        if self.mirror is not None and draw() < 0.5:
            turn[:, self.mirror] *= -1
        rows, columns = (torch.arange(size) - (size - 1) / 2 for size in self.size)
        places = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1) @ turn.T
        for axis in range(2):
            # How far the shown part may lie from the middle of the image; whole pixels, so that without a warp nothing
            # is interpolated.
            room = abs(shape[axis] - self.size[axis]) // 2
            middle = (shape[axis] - 1) / 2
            places[..., axis] += middle + round(draw(-room, room)) + (self.size[axis] - shape[axis]) % 2 / 2
        if self._do_transform and self.bend:
            nodes = [math.ceil(size / self.bend_spacing) + 3 for size in self.size]
            field = torch.from_numpy(draw(-self.bend, self.bend, (1, 2, *nodes))).float()
            places += F.interpolate(field, self.size, mode="bicubic", align_corners=True)[0].movedim(0, -1)
        return places

    def _sample(self, image: Tensor, places: Tensor) -> Tensor:
        height, width = image.shape[1:]
        grid = torch.stack([(2 * places[..., 1] + 1) / width - 1, (2 * places[..., 0] + 1) / height - 1], dim=-1)
        # Beyond the border grid_sample gives 0, which is made the background here.
        shifted = (image.float() - self.background)[None]
        warped = F.grid_sample(shifted, grid[None], mode="bicubic", padding_mode="zeros", align_corners=False)[0]
        # Cubic interpolation overshoots at edges; the background is allowed whatever the image holds.
        low, high = min(float(image.min()), self.background), max(float(image.max()), self.background)
        return (warped + self.background).clamp(low, high)
