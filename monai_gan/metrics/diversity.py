"""How different the images of a set are from each other."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_pairwise_distance(images: Tensor) -> float:
    """Mean Euclidean distance of all pairs of images (N, C, *S), N of at least 2, in the units of the pixels."""
    return float(torch.pdist(images.detach().flatten(1).float().cpu()).mean())
