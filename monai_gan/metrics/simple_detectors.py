"""Detectors without a network that trains: what a GAN must beat to be worth its trouble."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_gan.errors import InputError
from monai_gan.metrics.checks import check_images
from monai_gan.networks.nets.detection import Detection, DetectionNetwork

#: Share of an image's pixels whose mean is its score, where a detector has a map and no score of its own.
TOP_SHARE = 0.01
#: Added to the deviation of a pixel, so that those which never change do not drown the others.
LEAST_DEVIATION = 0.05


def top_mean(maps: Tensor, share: float = TOP_SHARE) -> Tensor:
    """Mean of the highest values of each map: (N, 1, *S) to (N,)."""
    flat = maps.flatten(1)
    return flat.topk(max(1, round(share * flat.shape[1])), dim=1).values.mean(1)


class SimpleDetector(DetectionNetwork):
    """A detector that is fitted to normal images in one go.

    Attributes:
        localises: whether the map says more than a constant.
    """

    localises = True

    def fit(self, images: Tensor) -> SimpleDetector:
        """Learn from normal images (N, C, *S) in [-1, 1], at least two.

        Raises:
            InputError: too few images, or values that are not finite.
        """
        check_images(images, "images")
        if len(images) < 2:
            raise InputError(f"{len(images)} image(s) show no variation: give at least two normal images.")
        self._fit(images.float())
        return self

    def _fit(self, images: Tensor) -> None:
        """Nothing to learn, unless a subclass says otherwise."""


class RawBrightness(SimpleDetector):
    """The image is its own map: bright is anomalous."""

    def detect(self, image: Tensor) -> Detection:
        maps = (image.mean(1, keepdim=True) + 1) / 2
        return Detection(top_mean(maps), maps, image)


class PixelDeviation(SimpleDetector):
    """Every pixel on its own: by how many deviations it lies off its mean over the normal images.

    The score is the mean of the squares over the image: the logarithm of a Gaussian per pixel, up to constants.

    Args:
        sign: ``"both"``, or ``"bright"`` for what is above the mean alone.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, sign: str = "both") -> None:
        super().__init__()
        if sign not in ("both", "bright"):
            raise ValueError(f"sign={sign!r} is unknown; choose both or bright.")
        self.sign = sign

    def _fit(self, images: Tensor) -> None:
        self.register_buffer("mean", images.mean(0))
        self.register_buffer("deviation", images.std(0) + LEAST_DEVIATION)

    def detect(self, image: Tensor) -> Detection:
        off = (image - self.mean) / self.deviation
        off = off.abs() if self.sign == "both" else off.clamp(min=0)
        maps = off.mean(1, keepdim=True)
        return Detection(off.square().flatten(1).mean(1), maps, self.mean.expand_as(image))


class ImageStatistics(SimpleDetector):
    """Mean, deviation and gradient energy of the image: Mahalanobis distance to those of the normal images.

    It knows no anatomy and has no map; where it wins, the sets differ in acquisition.
    """

    localises = False
    centre: Tensor
    whitening: Tensor

    def _fit(self, images: Tensor) -> None:
        rows = _statistics(images)
        covariance = torch.cov(rows.T) + 1e-12 * torch.eye(rows.shape[1], dtype=rows.dtype)
        self.register_buffer("centre", rows.mean(0))
        self.register_buffer("whitening", torch.linalg.inv(torch.linalg.cholesky(covariance)).T)

    def detect(self, image: Tensor) -> Detection:
        score = ((_statistics(image) - self.centre) @ self.whitening).norm(dim=1).float()
        return Detection(score, torch.zeros_like(image[:, :1]), image)


def _statistics(images: Tensor) -> Tensor:
    values = images.double()
    slopes = [values.diff(dim=axis).square().flatten(1).mean(1) for axis in range(2, values.ndim)]
    flat = values.flatten(1)
    return torch.stack([flat.mean(1), flat.std(1), torch.stack(slopes).sum(0).sqrt()], dim=1)


class PixelPatches(nn.Module):
    """The pixels around each point of a grid as its features, for images of any kind.

    Args:
        size: pixels per axis of a patch, odd.
        stride: pixels between the points.
    """

    def __init__(self, size: int = 5, stride: int = 2) -> None:
        super().__init__()
        self.size, self.stride = size, stride

    def forward(self, image: Tensor) -> Tensor:
        """(N, C, *S) to (N, C * size ** dims, *S')."""
        dims = image.ndim - 2
        padded = F.pad(image, (self.size // 2,) * (2 * dims), mode="replicate")
        for axis in range(2, 2 + dims):
            padded = padded.unfold(axis, self.size, self.stride)
        return padded.flatten(2 + dims).movedim(-1, 2).flatten(1, 2)


class NearestFeatures(SimpleDetector):
    """Distance of each local feature to the nearest one of the normal images (PatchCore, Roth et al. 2022).

    The score is the largest distance in the image, as there; the bank is a random choice in place of a coreset.

    Args:
        features: images (N, C, *S) to feature maps (N, F, *S'); by default the pixels around each point.
        bank_size: features of normal images that are kept.
        seed: of their choice.
    """

    bank: Tensor

    def __init__(self, features: nn.Module | None = None, bank_size: int = 4000, seed: int = 0) -> None:
        super().__init__()
        self.features = features or PixelPatches()
        self.bank_size = bank_size
        self.seed = seed

    def _fit(self, images: Tensor) -> None:
        generator = torch.Generator().manual_seed(self.seed)
        each = -(-4 * self.bank_size // len(images))
        rows = []
        for image in images.split(1):
            found = _rows(self._maps(image))
            rows.append(found[torch.randperm(len(found), generator=generator)[:each]])
        bank = torch.cat(rows)
        self.register_buffer("bank", bank[torch.randperm(len(bank), generator=generator)[: self.bank_size]])

    def detect(self, image: Tensor) -> Detection:
        results: Iterable[Tensor] = (self._distances(one) for one in image.split(1))
        distances = torch.cat(list(results))
        mode = "bilinear" if image.ndim == 4 else "trilinear"
        maps = F.interpolate(distances, image.shape[2:], mode=mode, align_corners=False)
        return Detection(distances.flatten(1).amax(1), maps, image)

    def _distances(self, image: Tensor) -> Tensor:
        maps = self._maps(image)
        nearest = torch.cat([torch.cdist(rows, self.bank).amin(1) for rows in _rows(maps).split(2048)])
        return nearest.reshape(1, 1, *maps.shape[2:])

    @torch.no_grad()
    def _maps(self, image: Tensor) -> Tensor:
        found: Tensor = self.features(image)
        return found


def _rows(maps: Tensor) -> Tensor:
    return maps.movedim(1, -1).flatten(0, -2)
