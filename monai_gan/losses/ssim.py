"""Structural similarity as a loss, on one scale (Wang et al. 2004) or several (Wang, Simoncelli and Bovik 2003)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn.modules.loss import _Loss

from monai_gan.losses.similarity import Ranged, Similarity
from monai_gan.ops.ms_ssim import SCALE_WEIGHTS

REDUCTIONS = ("none", "mean", "sum")


class _SimilarityLoss(Ranged, _Loss):
    """1 minus a similarity; arguments as for :class:`Similarity`, and what is done with a batch of losses."""

    def __init__(
        self, spatial_dims: int, reduction: str, weights: Sequence[float] | None = None, **window: Any
    ) -> None:
        reduction = str(getattr(reduction, "value", reduction))
        if reduction not in REDUCTIONS:
            raise ValueError(f"ssim: reduction='{reduction}' is not known; choose one of {', '.join(REDUCTIONS)}.")
        super().__init__(reduction=reduction)
        self.similarity = Similarity(spatial_dims, weights, **window)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch of images or volumes (N, C, *S) against another one.

        Args:
            input: predicted images.
            target: images to be like, of the same shape.

        Returns:
            A scalar from 0, the same images, to 2; (N, 1) without reduction.

        Raises:
            ValueError: the batches are no tensors of one shape and ``spatial_dims``, or too small for the window.
        """
        loss = 1 - self.similarity(input, target)
        if self.reduction == "none":
            return loss
        return loss.mean() if self.reduction == "mean" else loss.sum()


class SSIMLoss(_SimilarityLoss):
    """1 minus the structural similarity, in place of MONAI's ``SSIMLoss``: the same values and arguments, faster.

    Samples are compared over all channels. Both inputs may need a gradient. Float64 stays float64, where MONAI computes
    in float32. See :func:`monai_gan.ops.ssim` for what serves it and for derivatives of higher order.

    Args:
        spatial_dims: 2 or 3.
        data_range: largest value of the images less the smallest, above 0.
        kernel_type: window, ``"gaussian"`` or ``"uniform"``.
        win_size: side of the window, or one per axis.
        kernel_sigma: standard deviation of the Gaussian in pixels, or one per axis.
        k1: constant of the luminance term.
        k2: constant of the contrast term.
        reduction: ``"none"``, ``"mean"`` or ``"sum"`` over the batch.

    Raises:
        ValueError: an option does not fit.

    Example:
        >>> image = torch.rand(2, 1, 32, 32)
        >>> round(float(SSIMLoss(spatial_dims=2)(image, image)), 6)
        0.0
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
        reduction: str = "mean",
    ) -> None:
        window: dict[str, Any] = {"data_range": data_range, "kernel_type": kernel_type, "win_size": win_size}
        super().__init__(spatial_dims, reduction, **window, kernel_sigma=kernel_sigma, k1=k1, k2=k2)


class MultiScaleSSIMLoss(_SimilarityLoss):
    """1 minus the structural similarity over several scales; see :func:`monai_gan.ops.ms_ssim`.

    A sample whose contrast term is 0 or less at some scale, as for images that are each other's negative, has the loss
    1 and no gradient: add another loss, or begin with :class:`SSIMLoss`.

    Args:
        spatial_dims: 2 or 3.
        data_range: largest value of the images less the smallest, above 0.
        kernel_type: window, ``"gaussian"`` or ``"uniform"``.
        kernel_size: side of the window, or one per axis.
        kernel_sigma: standard deviation of the Gaussian in pixels, or one per axis.
        k1: constant of the luminance term.
        k2: constant of the contrast term.
        weights: exponents of the scales, finest first; images must have sides of ``kernel_size * 2 ** (scales - 1)``.
        reduction: ``"none"``, ``"mean"`` or ``"sum"`` over the batch.

    Raises:
        ValueError: an option does not fit.

    Example:
        >>> image = torch.rand(2, 1, 48, 48)
        >>> round(float(MultiScaleSSIMLoss(spatial_dims=2, weights=(0.3, 0.3, 0.4))(image, image)), 6)
        0.0
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
        reduction: str = "mean",
    ) -> None:
        window: dict[str, Any] = {"data_range": data_range, "kernel_type": kernel_type, "win_size": kernel_size}
        super().__init__(spatial_dims, reduction, weights, **window, kernel_sigma=kernel_sigma, k1=k1, k2=k2)
