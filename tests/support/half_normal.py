"""Images for which the tests of MONAI state values of similarity."""

from __future__ import annotations

import torch
from torch import Tensor


def half_normal_pair(*shape: int) -> tuple[Tensor, Tensor]:
    """Two batches of absolute values of normal numbers from the seed 0, each divided by its largest."""
    torch.manual_seed(0)
    first, second = (torch.randn(shape).abs() for _ in range(2))
    return first / first.max(), second / second.max()
