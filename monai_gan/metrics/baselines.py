"""Models without a network that a GAN has to beat: normal distributions fitted to the training images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.checks import check_count, check_images

if TYPE_CHECKING:
    from typing_extensions import Self


class _Gaussian(ABC):
    """A normal distribution of images, whose samples are clipped to the range of the training images."""

    _mean: Tensor | None = None
    _range: tuple[float, float]

    def fit(self, images: Tensor) -> Self:
        """Fit to training images (N, C, *S), two or more; never to validation or test images.

        Raises:
            InputError: if there are too few images, or they are not finite.
        """
        images = check_images(images, "images")
        check_count(len(images), "images", 2)
        self._mean = images.mean(dim=0)
        self._range = float(images.min()), float(images.max())
        self._fit(images - self._mean)
        return self

    def sample(self, n: int, seed: int = 0) -> Tensor:
        """Draw images.

        Args:
            n: how many.
            seed: the same images for the same seed; the global random generator is left as it was.

        Returns:
            (n, C, *S) in the range of the training images.

        Raises:
            InputError: before ``fit``.
        """
        if self._mean is None:
            raise InputError("sample() before fit(): give fit() the training images first.")
        generator = torch.Generator().manual_seed(seed)
        return (self._mean + self._deviations(n, generator)).clamp(*self._range)

    @abstractmethod
    def _fit(self, centred: Tensor) -> None:
        """Learn from images without their mean (N, C, *S)."""

    @abstractmethod
    def _deviations(self, n: int, generator: torch.Generator) -> Tensor:
        """Deviations from the mean image, (n, C, *S)."""


class PixelGaussian(_Gaussian):
    """Every pixel on its own: right brightness and contrast at every place, no structure at all."""

    def _fit(self, centred: Tensor) -> None:
        self._deviation = centred.square().sum(dim=0).div(len(centred) - 1).sqrt()

    def _deviations(self, n: int, generator: torch.Generator) -> Tensor:
        noise = torch.randn(n, *self._deviation.shape, generator=generator)
        return self._deviation * noise.to(self._deviation)


class PCAGaussian(_Gaussian):
    """The normal distribution with the covariance of all pixels: the linear model of eigen-images (Sirovich 1987).

    It knows the mean image and every linear relation between pixels, so that its samples look like blurred doubles of
    the training images. A GAN that does not beat it has learnt little beyond them.

    Args:
        components: principal components that are kept; None keeps all, the full covariance.

    Raises:
        InputError: if no component is kept.
    """

    def __init__(self, components: int | None = None) -> None:
        if components is not None and components < 1:
            raise InputError(f"components={components} leaves only the mean image; give 1 or more, or None for all.")
        self.components = components

    def _fit(self, centred: Tensor) -> None:
        self._shape = centred.shape[1:]
        # Any A with A'A = covariance will do to sample from: the centred images themselves are one, the right singular
        # vectors times the singular values are another, which can be cut short.
        factor = centred.flatten(1) / (len(centred) - 1) ** 0.5
        if self.components is not None:
            _, values, vectors = torch.linalg.svd(factor, full_matrices=False)
            factor = values[: self.components, None] * vectors[: self.components]
        self._factor = factor

    def _deviations(self, n: int, generator: torch.Generator) -> Tensor:
        noise = torch.randn(n, len(self._factor), generator=generator)
        return (noise.to(self._factor) @ self._factor).unflatten(1, self._shape)


def baseline_sets(train: Tensor, n: int, seed: int = 0) -> dict[str, Tensor]:
    """Samples of both models fitted to training images (N, C, *S), by the name of their row in a table.

    Args:
        train: the training images.
        n: samples of each, (n, C, *S).
        seed: of the samples.
    """
    return {
        "Gaussian per pixel": PixelGaussian().fit(train).sample(n, seed),
        "PCA Gaussian": PCAGaussian().fit(train).sample(n, seed),
    }
