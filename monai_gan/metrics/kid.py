"""Kernel distance of two sets of features, unbiased whatever the number of images (Binkowski et al. 2018)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.checks import check_pair
from monai_gan.metrics.paired import PairedMetric
from monai_gan.metrics.rows import FeatureRows

#: Entries of a kernel matrix that are held at once.
BLOCK = 2**23
#: Images of a subset where there are enough, as in the paper.
LARGEST_SUBSET = 1000


class KernelDistance(NamedTuple):
    """Mean and standard deviation of the kernel distance over random subsets.

    The mean is 0 for equal distributions and can be slightly negative, because the estimate is unbiased. The deviation
    is that of one subset's figure.
    """

    mean: float
    sd: float


def kernel_distance(
    x: Tensor, y: Tensor, *, subsets: int = 100, subset_size: int | None = None, seed: int = 0
) -> KernelDistance:
    """Kernel inception distance: squared maximum mean discrepancy under the kernel ``(u'v / F + 1)^3``.

    Unlike the Fréchet distance it assumes no normal distribution and has no bias from few images. In float64; time and
    number of kernel entries grow with n^2, memory does not.

    Args:
        x: features (n, F).
        y: features of the reference (m, F).
        subsets: random subsets that are drawn from each set, without replacement within one.
        subset_size: images in a subset; None is half of the smaller set, at most 1000.
        seed: of the subsets.

    Returns:
        Mean and standard deviation over the subsets.

    Warns:
        UserWarning: if all images of ``x`` have the same features.

    Raises:
        InputError: if a set has fewer than four images, is not finite, of another width, if the reference is constant
            or a subset is larger than a set.
    """
    x, y = check_pair(x, y, ("x", "y"), least=4)
    fewest = min(len(x), len(y))
    size = subset_size_for(fewest) if subset_size is None else subset_size
    if not 2 <= size <= fewest or subsets < 1:
        raise InputError(
            f"subsets={subsets} of subset_size={size} cannot be drawn from {fewest} images; give one or more, of 2 to "
            f"{fewest} images."
        )
    generator = torch.Generator().manual_seed(seed)
    chosen_x, chosen_y = (_memberships(len(each), size, subsets, generator).to(x.device) for each in (x, y))
    x, y = x.double(), y.double()
    pairs = size * (size - 1)
    within = (_sums(x, x, chosen_x, chosen_x) - chosen_x.T @ _own(x)) / pairs
    within += (_sums(y, y, chosen_y, chosen_y) - chosen_y.T @ _own(y)) / pairs
    distances = within - 2 * _sums(x, y, chosen_x, chosen_y) / size**2
    return KernelDistance(float(distances.mean()), float(distances.std(unbiased=False)))


def subset_size_for(count: int) -> int:
    """The images in a subset that are taken from ``count`` images by default."""
    return min(LARGEST_SUBSET, max(count // 2, 2))


def _kernel(products: Tensor, features: int) -> Tensor:
    return (products / features + 1) ** 3


def _own(x: Tensor) -> Tensor:
    """The kernel of each image with itself (n,)."""
    return _kernel(x.square().sum(dim=1), x.shape[1])


def _memberships(count: int, size: int, subsets: int, generator: torch.Generator) -> Tensor:
    """1 where an image is in a subset, else 0: (count, subsets) float64."""
    ranks = torch.rand(count, subsets, generator=generator).argsort(dim=0).argsort(dim=0)
    return (ranks < size).double()


def _sums(x: Tensor, y: Tensor, chosen_x: Tensor, chosen_y: Tensor) -> Tensor:
    """Sum of the kernel over the pairs of images that are in a subset, for each subset (subsets,).

    One kernel entry serves all subsets that hold its pair, and only some rows of the kernel matrix exist at a time.
    """
    total = x.new_zeros(chosen_x.shape[1])
    height = max(BLOCK // len(y), 1)
    for rows, members in zip(x.split(height), chosen_x.split(height), strict=True):
        total += (_kernel(rows @ y.T, x.shape[1]) @ chosen_y * members).sum(dim=0)
    return total


class KIDMetric(PairedMetric[FeatureRows, KernelDistance]):
    """Kernel inception distance with the same manners as :class:`~monai_gan.metrics.FIDMetric`.

    Features are kept until :meth:`compute`. See :func:`kernel_distance` for the method and its errors.

    Args:
        subsets: random subsets that are drawn from each set.
        subset_size: images in a subset; None is half of the smaller set, at most 1000.
        seed: of the subsets.
    """

    def __init__(self, subsets: int = 100, subset_size: int | None = None, seed: int = 0) -> None:
        super().__init__()
        self.subsets = subsets
        self.subset_size = subset_size
        self.seed = seed

    def store(self, name: str) -> FeatureRows:
        """An empty list of features."""
        return FeatureRows(name)

    def measure(self, y_pred: FeatureRows, y: FeatureRows) -> KernelDistance:
        """Mean and standard deviation of two lists of features."""
        return kernel_distance(
            y_pred.stacked(), y.stacked(), subsets=self.subsets, subset_size=self.subset_size, seed=self.seed
        )
