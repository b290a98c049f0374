"""How much of one set of features lies where the other one is, by balls around nearest neighbours."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.checks import check_pair
from monai_gan.metrics.neighbours import kth_distances, squared_distances


class PrecisionRecall(NamedTuple):
    """Share of the synthetic images that look real, and share of the real images that the generator reaches; 0..1."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """How densely real images surround synthetic ones (about 1 is right), and share of real images covered, 0..1."""

    density: float
    coverage: float


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall (Kynkäänniemi et al. 2019, equations 1 to 3).

    A set is taken to fill the balls around its images that reach to the k-th neighbour. Both figures depend on the
    number of images: compare only figures of equal n.

    Args:
        real: features of real images (n, F).
        fake: features of synthetic images (m, F).
        k: neighbours.

    Warns:
        UserWarning: if all synthetic images have the same features.

    Raises:
        InputError: if a set has no more than ``k`` images, is not finite, of another width, or ``real`` is constant.
    """
    real, fake = _checked(real, fake, k)
    precision = _share_inside(fake, real, kth_distances(real, k))
    return PrecisionRecall(precision, _share_inside(real, fake, kth_distances(fake, k)))


def density_coverage(real: Tensor, fake: Tensor, k: int = 5) -> DensityCoverage:
    """Density and coverage (Naeem et al. 2020, equations 4 and 5), which outliers of either set disturb less.

    Args:
        real: features of real images (n, F).
        fake: features of synthetic images (m, F).
        k: neighbours; more images want a larger one.

    Warns:
        UserWarning: if all synthetic images have the same features.

    Raises:
        InputError: as :func:`precision_recall`.
    """
    real, fake = _checked(real, fake, k)
    radii = kth_distances(real, k)
    inside, nearest = 0, torch.full_like(radii, float("inf"))
    for block in squared_distances(fake, real):
        inside += int((block < radii).sum())
        nearest = torch.minimum(nearest, block.amin(dim=0))
    return DensityCoverage(inside / (k * len(fake)), float((nearest < radii).double().mean()))


def _checked(real: Tensor, fake: Tensor, k: int) -> tuple[Tensor, Tensor]:
    if k < 1:
        raise InputError(f"k={k} neighbours make no ball; give 1 or more.")
    fake, real = check_pair(fake, real, ("fake", "real"), least=k + 1)
    return real, fake


def _share_inside(x: Tensor, centres: Tensor, radii: Tensor) -> float:
    """Share of the rows of ``x`` that lie in a ball around any of the centres."""
    inside = sum(int((block <= radii).any(dim=1).sum()) for block in squared_distances(x, centres))
    return inside / len(x)
