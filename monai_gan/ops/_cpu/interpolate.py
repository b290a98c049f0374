"""Per-sample mixtures, with given weights or with weights from a counter-based generator, in C++ for the CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.ops._cpu._call import ACCUMULATE, SERVES, call

__all__ = ["SERVES", "forward", "random"]


def forward(real: Tensor, fake: Tensor, weights: Tensor) -> Tensor:
    """The mixture; see ``_torch.interpolate.forward``. Float32 and float64 have the bits of that form."""
    out = torch.empty_like(real)
    call("interpolate", real, real, fake, weights, out, *_rows(real))
    return out


def random(real: Tensor, fake: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The mixture and its weights; see ``_torch.interpolate.random``."""
    out = torch.empty_like(real)
    weights = torch.empty(len(real), dtype=ACCUMULATE[real.dtype])
    call("interpolate_random", real, real, fake, state, weights, out, *_rows(real))
    return out, weights


def _rows(real: Tensor) -> tuple[int, int]:
    return len(real), real.numel() // len(real)
