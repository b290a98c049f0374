"""Features of images through any network, with every step in between stated."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from monai_gan.data.resize import resize
from monai_gan.errors import InputError
from monai_gan.metrics.checks import check_images, check_range
from monai_gan.metrics.hashing import tensor_bytes


class FeatureExtractor(nn.Module):
    """A network that turns images into the features that metrics compare.

    Images go through these steps, all in float32, without rounding to 8 bits in between: a check that they are finite
    and in ``value_range``; for a 2-D network and volumes, slicing along ``slice_axis``; scaling of ``value_range`` onto
    [0, 1]; one channel repeated where the network wants more; resizing by a triangle filter that widens when shrinking
    (antialiased); normalisation; the network; a mean over space if its output still has any; for volumes, the mean over
    the slices.

    It measures and never trains: there is no gradient, and the network stays in evaluation mode. For a figure to mean
    anything, the network must not serve in a training loss of the model that is measured, and must not have seen the
    images, or the persons, of the test set.

    Args:
        network: any module from (N, channels, *S) to features (N, F), or to maps (N, F, *S'), which are averaged.
        name: goes into the names of figures, ``kid_<name>``: small letters, digits and underscores.
        value_range: smallest and largest value of the images that will come.
        image_size: side, or sides, that images are resized to; None leaves them as they are.
        channels: channels that the network wants; None takes images as they come.
        spatial_dims: 2 or 3, of the network.
        mean: subtracted from the values in [0, 1], one number or one per channel.
        std: divides after that, one number or one per channel.
        per_image: in place of ``mean`` and ``std``, give each image mean 0 and deviation 1.
        slice_axis: spatial axis 0, 1 or 2 along which a 2-D network sees volumes; None for images and 3-D networks.

    Attributes:
        value_range: as given.

    Raises:
        InputError: if an argument is out of its range.
    """

    def __init__(
        self,
        network: nn.Module,
        name: str,
        *,
        value_range: tuple[float, float] = (-1.0, 1.0),
        image_size: int | Sequence[int] | None = None,
        channels: int | None = None,
        spatial_dims: int = 2,
        mean: float | Sequence[float] = 0.0,
        std: float | Sequence[float] = 1.0,
        per_image: bool = False,
        slice_axis: int | None = None,
    ) -> None:
        super().__init__()
        if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name):
            raise InputError(
                f"name='{name}' cannot be part of a figure's name; use small letters, digits, underscores."
            )
        if (
            spatial_dims not in (2, 3)
            or slice_axis not in (None, 0, 1, 2)
            or (spatial_dims == 3 and slice_axis is not None)
        ):
            raise InputError(
                f"spatial_dims={spatial_dims} with slice_axis={slice_axis} is not possible; give 2 dimensions with an "
                "axis 0, 1, 2 or None, or 3 dimensions without an axis."
            )
        self.network = network.requires_grad_(False).eval()
        self.name = name
        self.value_range = check_range(value_range)
        self.image_size = _sides(image_size, spatial_dims)
        self.channels = channels
        self.spatial_dims = spatial_dims
        self.mean, self.std = ([float(v) for v in ([p] if isinstance(p, (int, float)) else p)] for p in (mean, std))
        self.per_image = per_image
        self.slice_axis = slice_axis
        self._size: int | None = None

    def train(self, mode: bool = True) -> FeatureExtractor:
        """Stay in evaluation mode, whatever is asked: features must not depend on the rest of a batch."""
        return super().train(False)

    @property
    def size(self) -> int:
        """Features per image F."""
        if self._size is None:
            side = self.image_size or (64,) * self.spatial_dims
            self._features(torch.zeros(1, self.channels or 1, *side, device=self.device))
        return self._size or 0

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next((p.device for p in self.network.parameters()), torch.device("cpu"))

    @property
    def sha256(self) -> str:
        """Checksum of names, types, shapes and values of the network's state as it is now."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor_bytes(tensor))
        return digest.hexdigest()

    def describe(self) -> dict[str, Any]:
        """All that decides about the features, in plain JSON types, for a report."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "size": self.size,
            "value_range": list(self.value_range),
            "channels": self.channels,
            "channel_handling": "one channel is repeated" if (self.channels or 1) > 1 else "as they come",
            "image_size": None if self.image_size is None else list(self.image_size),
            "resize": None if self.image_size is None else "triangle filter, antialiased, float32",
            "normalisation": "each image to mean 0 and deviation 1"
            if self.per_image
            else {"mean": self.mean, "std": self.std, "of": "values in [0, 1]"},
            "spatial_dims": self.spatial_dims,
            "slice_axis": self.slice_axis,
        }

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Features of a batch.

        Args:
            images: (N, C, *S) in ``value_range``.

        Returns:
            (N, F) float32, without a graph.

        Raises:
            InputError: if the images are not finite, outside of ``value_range``, or do not fit the network.
        """
        images = check_images(images, self.name, self.value_range).to(self.device, torch.float32)
        if self.slice_axis is None:
            if images.ndim != 2 + self.spatial_dims:
                raise InputError(
                    f"{self.name}: images {tuple(images.shape)} for a network in {self.spatial_dims} dimensions; give "
                    f"images in {self.spatial_dims} dimensions, or slice_axis= to see volumes slice by slice."
                )
            return self._features(images)
        if images.ndim != 5:
            raise InputError(f"{self.name}: slice_axis={self.slice_axis} needs volumes, not {tuple(images.shape)}.")
        slices = images.movedim(2 + self.slice_axis, 1)
        return self._features(slices.flatten(0, 1)).unflatten(0, slices.shape[:2]).mean(dim=1)

    def extract(self, images: Tensor | Iterable[Tensor], batch_size: int = 64) -> Tensor:
        """Features of many images, batch by batch.

        Args:
            images: (N, C, *S), or batches of that form.
            batch_size: images at once, when ``images`` is one tensor.

        Returns:
            (N, F) float32 on the CPU.

        Raises:
            InputError: as :meth:`forward`, and if there is no image.
        """
        batches = images.split(batch_size) if isinstance(images, Tensor) and len(images) else images
        found = [self(batch).cpu() for batch in batches]
        if not found:
            raise InputError(f"{self.name}: there are no images to extract features from.")
        return torch.cat(found)

    def _features(self, images: Tensor) -> Tensor:
        low, high = self.value_range
        images = (images - low) / (high - low)
        if self.channels is not None and images.shape[1] != self.channels:
            if images.shape[1] != 1:
                raise InputError(
                    f"{self.name}: images of {images.shape[1]} channels for a network of {self.channels}; give images "
                    f"of {self.channels} channels or of one."
                )
            images = images.expand(-1, self.channels, *images.shape[2:])
        if self.image_size is not None:
            images = resize(images.flatten(0, 1), self.image_size).unflatten(0, images.shape[:2])
        features = self.network(self._normalised(images))
        if not isinstance(features, Tensor) or features.ndim < 2 or len(features) != len(images):
            shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise InputError(f"{self.name}: the network gives {shape}; wrap it so that it gives features (N, F, ...).")
        features = features.float().flatten(2).mean(dim=2) if features.ndim > 2 else features.float()
        self._size = features.shape[1]
        return features

    def _normalised(self, images: Tensor) -> Tensor:
        space = (1,) * (images.ndim - 2)
        if self.per_image:
            axes = tuple(range(1, images.ndim))
            return (images - images.mean(axes, keepdim=True)) / images.std(axes, keepdim=True).clamp_min(1e-6)
        mean, std = (images.new_tensor(values).reshape(1, -1, *space) for values in (self.mean, self.std))
        return (images - mean) / std


def _sides(image_size: int | Sequence[int] | None, dims: int) -> tuple[int, ...] | None:
    if image_size is None:
        return None
    sides = (image_size,) * dims if isinstance(image_size, int) else tuple(image_size)
    if len(sides) != dims or min(sides) < 1:
        raise InputError(f"image_size={image_size} is no size in {dims} dimensions; give one number or {dims}.")
    return sides
