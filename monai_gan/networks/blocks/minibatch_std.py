"""The spread of a batch as an additional feature map (Karras et al. 2018, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MinibatchStd(nn.Module):
    """Appends, to every image of a group, the standard deviation over the group, averaged over channels and voxels.

    A discriminator that sees the spread notices a generator that makes one image again and again.

    Args:
        group_size: images per group; where it does not divide the batch, the largest smaller number that does.
        eps: below the root, for groups of equal images.
    """

    def __init__(self, group_size: int = 4, eps: float = 1e-8) -> None:
        super().__init__()
        self.group_size = group_size
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, *S) to (N, C + 1, *S)."""
        n = x.shape[0]
        size = next(size for size in range(min(self.group_size, n), 0, -1) if n % size == 0)
        # Groups take every (n / size)-th image, as the published weights expect.
        groups = x.float().reshape(size, n // size, -1)
        spread = ((groups - groups.mean(0)).square().mean(0) + self.eps).sqrt().mean(1)
        filled = spread.repeat(size).to(x.dtype).reshape(n, *(1,) * (x.ndim - 1)).expand(n, 1, *x.shape[2:])
        return torch.cat([x, filled], 1)
