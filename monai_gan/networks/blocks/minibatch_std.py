"""A feature that tells a discriminator how much the images of a batch differ."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MinibatchStd(nn.Module):
    """Append the standard deviation over a group of images, averaged over features and pixels, as one more channel.

    A generator that repeats itself is betrayed by it (Karras 2018, section 3). Groups hold ``group_size`` images; a
    batch that does not divide into such groups is one group. Images are judged together, so that a gradient penalty on
    such a critic is, as in the paper, one of a whole group.

    Args:
        group_size: images in a group, at least 2.
        eps: below the root, for groups of equal images.

    Raises:
        ValueError: when ``group_size`` is below 2.
    """

    def __init__(self, group_size: int = 4, eps: float = 1e-8) -> None:
        super().__init__()
        if group_size < 2:
            raise ValueError(f"group_size={group_size} is not possible: one image has no deviation, give 2 or more.")
        self.group_size = group_size
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, *S) to (N, C + 1, *S).

        A single image has no deviation: outside of training its channel is zero.

        Raises:
            ValueError: for a batch of one in training mode.
        """
        n = x.shape[0]
        if n == 1 and self.training:
            raise ValueError("a batch of 1 has no minibatch standard deviation: use a batch_size of at least 2.")
        size = self.group_size if n % self.group_size == 0 else n
        # Image i belongs to group i mod (n / size); any rule would do.
        groups = x.float().reshape(size, n // size, -1)
        # Written out: along a first axis torch.var takes many times as long.
        variance = (groups - groups.mean(0)).square().mean(0)
        deviation = (variance + self.eps).sqrt().mean(1)
        if n == 1:
            deviation = torch.zeros_like(deviation)
        channel = deviation.to(x.dtype).repeat(size)[:, None, None]
        flat = x.flatten(2)
        return torch.cat([flat, channel.expand(n, 1, flat.shape[2])], 1).unflatten(2, x.shape[2:])

    def extra_repr(self) -> str:
        return f"group_size={self.group_size}"
