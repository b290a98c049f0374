"""Per-sample mixtures, with given weights or with weights from a counter-based generator, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.ops._checks import accumulation_type
from monai_gan.ops._torch.philox import uniform


def forward(real: Tensor, fake: Tensor, weights: Tensor) -> Tensor:
    """``weights * real + (1 - weights) * fake`` per sample.

    Args:
        real, fake: (N, ...) of one type.
        weights: (N,) in the accumulation type.

    Returns:
        The mixture, like ``real``.
    """
    share = weights.reshape(-1, *(1,) * (real.ndim - 1))
    return torch.empty_like(real).copy_(share * real.to(weights.dtype) + (1 - share) * fake.to(weights.dtype))


def random(real: Tensor, fake: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The same with weights drawn from ``state``.

    Args:
        real, fake: (N, ...) of one type.
        state: int64 (2,), seed and offset; only read.

    Returns:
        The mixture like ``real``, and the weights (N,) in the accumulation type.
    """
    weights = uniform(state, len(real)).to(accumulation_type(real.dtype))
    return forward(real, fake, weights), weights
