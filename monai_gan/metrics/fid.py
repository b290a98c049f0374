"""Fréchet distance of two sets of features (Heusel et al. 2017, equation 6), without a matrix square root.

With covariances written as A'A and B'B, the trace of sqrt(A'A B'B) is the sum of the singular values of A B'. From
fewer images than features, A and B are the centred features themselves and A B' is a small matrix of n x m.
"""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.checks import check_count, check_variation, warn_caller
from monai_gan.metrics.paired import PairedMetric
from monai_gan.metrics.statistics import FeatureStatistics, gram


def frechet_distance(x: Tensor | FeatureStatistics, y: Tensor | FeatureStatistics) -> float:
    """Squared Fréchet distance of the normal distributions fitted to two sets of features, in float64.

    Both means and covariances count: ``|m_x - m_y|^2 + tr(C_x) + tr(C_y) - 2 tr(sqrt(C_x C_y))``. The estimate is
    biased upwards, the more so the fewer images there are: compare only figures of equal n, and prefer
    :func:`~monai_gan.metrics.kernel_distance` for few images.

    Args:
        x: features (n, F), or their statistics.
        y: the same of the reference (m, F).

    Returns:
        The distance, 0 or more; the same on all devices to rounding.

    Warns:
        UserWarning: if there are fewer images than features, or all images of ``x`` have the same features.

    Raises:
        InputError: if a set has fewer than two images, is not finite, of another width, or the reference is constant.
    """
    a, b = (
        each if isinstance(each, FeatureStatistics) else FeatureStatistics.of(each, name)
        for each, name in ((x, "x"), (y, "y"))
    )
    for each in (a, b):
        check_count(each.count, each.name, 2)
    if a.size != b.size:
        raise InputError(
            f"{a.name} has {a.size} features per image and {b.name} {b.size}; use one extractor for both sets."
        )
    variances_a = a.variances()
    variances_b = b.variances().to(variances_a)
    check_variation(bool(variances_b.any()), b.name, reference=True)
    check_variation(bool(variances_a.any()), a.name)
    warn_of_few(min(a.count, b.count), len(variances_a))
    apart = a.mean - b.mean.to(variances_a)
    # A feature that is constant in one set adds nothing to the coupling, and would make a covariance singular.
    varying = ((variances_a > 0) & (variances_b > 0)).nonzero()[:, 0]
    coupling = _coupling(a, b, varying) if len(varying) else variances_a.new_zeros(())
    total = apart.square().sum() + variances_a.sum() + variances_b.sum() - 2 * coupling
    return max(float(total), 0.0)


def warn_of_few(images: int, features: int) -> None:
    """Warn if there are fewer images than features."""
    if images < features:
        warn_caller(
            f"FID of {images} images and {features} features: with fewer images than features it is far too high and "
            "says more about n than about quality; compare it only at equal n, and read KID first."
        )


def _coupling(a: FeatureStatistics, b: FeatureStatistics, varying: Tensor) -> Tensor:
    """Trace of the square root of the product of the two covariances."""
    rows_a, rows_b = a.rows(), b.rows()
    if rows_a is None and rows_b is not None:
        return _coupling(b, a, varying.to(rows_b.device))
    if rows_a is not None and rows_b is not None:
        cross = rows_a[:, varying] @ rows_b.to(rows_a)[:, varying].T
        return _root_trace(gram(cross.T if len(cross) <= cross.shape[1] else cross))
    factor = _factor(a.covariance()[varying][:, varying]) if rows_a is None else rows_a[:, varying]
    covariance = b.covariance().to(factor)[varying][:, varying]
    return _root_trace(factor @ covariance @ factor.T)


def _root_trace(product: Tensor) -> Tensor:
    """Trace of the square root of a symmetric matrix without negative eigenvalues."""
    # The squares of the singular values: half the digits of the smallest ones are lost, but at half the time.
    return torch.linalg.eigvalsh((product + product.T) / 2).clamp_min(0).sqrt().sum()


def _factor(covariance: Tensor) -> Tensor:
    """A matrix A with A'A = covariance."""
    lower, failed = torch.linalg.cholesky_ex(covariance)
    if not failed:
        return lower.T
    # Singular: features that depend on each other.
    values, vectors = torch.linalg.eigh(covariance)
    return values.clamp_min(0).sqrt()[:, None] * vectors.T


class FIDMetric(PairedMetric[FeatureStatistics, Tensor]):
    """Fréchet inception distance, in place of MONAI's ``FIDMetric``: the same figure, faster, and in a stream.

    ``metric(y_pred, y)`` on two matrices of features (n, F) gives what MONAI's gives. With :meth:`update` features can
    also come batch by batch; :meth:`merge` and processes of ``torch.distributed`` bring partial results together. See
    :func:`frechet_distance` for the method, its errors and its warning about few images.

    Example:
        >>> metric = FIDMetric()
        >>> for batch in loader:
        ...     metric.update(y_pred=extractor(sample(len(batch))), y=extractor(batch))
        >>> metric.compute()
    """

    def store(self, name: str) -> FeatureStatistics:
        """Empty statistics."""
        return FeatureStatistics(name)

    def measure(self, y_pred: FeatureStatistics, y: FeatureStatistics) -> Tensor:
        """The distance of two statistics, a float64 scalar."""
        return torch.tensor(frechet_distance(y_pred, y), dtype=torch.float64)
