"""Structural similarity of pairs, on one scale (Wang et al. 2004) or several (Wang, Simoncelli and Bovik 2003)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monai.metrics.regression import RegressionMetric
from monai.utils import MetricReduction
from torch import Tensor

from monai_gan.losses.similarity import Ranged, Similarity
from monai_gan.ops.ms_ssim import SCALE_WEIGHTS


class _SimilarityMetric(Ranged, RegressionMetric):
    """A similarity per pair of images, gathered over batches and processes as MONAI's metrics are."""

    def __init__(self, similarity: Similarity, reduction: MetricReduction | str, get_not_nans: bool) -> None:
        super().__init__(reduction=reduction, get_not_nans=get_not_nans)
        self.similarity = similarity

    def _compute_metric(self, y_pred: Tensor, y: Tensor) -> Tensor:
        return self.similarity(y_pred, y)


class SSIMMetric(_SimilarityMetric):
    """Structural similarity, in place of MONAI's ``SSIMMetric``: the same values and arguments, faster.

    Called with batches (N, C, *S), or lists of images (C, *S), it gives (N, 1) and keeps it; ``aggregate`` reduces what
    was kept and ``reset`` forgets it. Samples are compared over all channels. Float64 stays float64, where MONAI
    computes in float32.

    Args:
        spatial_dims: 2 or 3.
        data_range: largest value of the images less the smallest, above 0.
        kernel_type: window, ``"gaussian"`` or ``"uniform"``.
        win_size: side of the window, or one per axis.
        kernel_sigma: standard deviation of the Gaussian in pixels, or one per axis.
        k1: constant of the luminance term.
        k2: constant of the contrast term.
        reduction: of what is not NaN: ``"none"``, ``"mean"``, ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"`` or ``"sum_channel"``.
        get_not_nans: whether ``aggregate`` also gives how many values were not NaN.

    Raises:
        ValueError: an option does not fit.

    Example:
        >>> metric = SSIMMetric(spatial_dims=2)
        >>> image = torch.rand(2, 1, 32, 32)
        >>> metric(image, image).shape
        torch.Size([2, 1])
        >>> round(float(metric.aggregate()), 6)
        1.0
    """

    def __init__(
        self,
        spatial_dims: int,
        data_range: float = 1.0,
        kernel_type: str = "gaussian",
        win_size: int | Sequence[int] = 11,
        kernel_sigma: float | Sequence[float] = 1.5,
        k1: float = 0.01,
        k2: float = 0.03,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        window: dict[str, Any] = {"data_range": data_range, "kernel_type": kernel_type, "win_size": win_size}
        similarity = Similarity(spatial_dims, None, **window, kernel_sigma=kernel_sigma, k1=k1, k2=k2)
        super().__init__(similarity, reduction, get_not_nans)


class MultiScaleSSIMMetric(_SimilarityMetric):
    """Structural similarity over scales, in place of MONAI's ``MultiScaleSSIMMetric``: the same values, faster.

    It differs in which sizes are refused. Here a side divided by ``2 ** (scales - 1)``, rounded down, must be no
    smaller than the window, which is what the coarsest scale needs. MONAI divides by ``(scales - 1) ** 2``: at four
    scales that refuses images which are large enough, and at two, or six and more, it lets images pass that then fail.

    Args:
        spatial_dims: 2 or 3.
        data_range: largest value of the images less the smallest, above 0.
        kernel_type: window, ``"gaussian"`` or ``"uniform"``.
        kernel_size: side of the window, or one per axis.
        kernel_sigma: standard deviation of the Gaussian in pixels, or one per axis.
        k1: constant of the luminance term.
        k2: constant of the contrast term.
        weights: exponents of the scales, finest first.
        reduction: as for :class:`SSIMMetric`.
        get_not_nans: likewise.

    Raises:
        ValueError: an option does not fit.

    Example:
        >>> metric = MultiScaleSSIMMetric(spatial_dims=2, weights=(0.3, 0.3, 0.4))
        >>> image = torch.rand(2, 1, 48, 48)
        >>> metric(image, image).shape
        torch.Size([2, 1])
    """

    def __init__(
        self,
        spatial_dims: int,
        data_range: float = 1.0,
        kernel_type: str = "gaussian",
        kernel_size: int | Sequence[int] = 11,
        kernel_sigma: float | Sequence[float] = 1.5,
        k1: float = 0.01,
        k2: float = 0.03,
        weights: Sequence[float] = SCALE_WEIGHTS,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        window: dict[str, Any] = {"data_range": data_range, "kernel_type": kernel_type, "win_size": kernel_size}
        similarity = Similarity(spatial_dims, weights, **window, kernel_sigma=kernel_sigma, k1=k1, k2=k2)
        super().__init__(similarity, reduction, get_not_nans)
