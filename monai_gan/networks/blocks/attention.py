"""Attention between the pixels of a feature map."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from monai.networks.layers.factories import Conv
from torch import Tensor, nn

from monai_gan.networks.blocks.resolution import check_positive


class SelfAttention(nn.Module):
    """Add to every pixel what all others tell it, weighted by likeness (Zhang 2019, "Self-attention GANs", section 3).

    Queries and keys have an eighth of the channels, values half of them; keys and values are pooled over 2 pixels per
    axis, as Brock 2019 does. The share starts at zero, so that the network begins without attention. Made of operations
    that can be differentiated twice.

    Args:
        spatial_dims: 2 or 3.
        channels: channels of the input.

    Raises:
        ValueError: when ``channels`` is not positive.
    """

    def __init__(self, spatial_dims: int, channels: int) -> None:
        super().__init__()
        check_positive(channels=channels)
        conv = Conv[Conv.CONV, spatial_dims]
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.query = conv(channels, narrow, 1, bias=False)
        self.key = conv(channels, narrow, 1, bias=False)
        self.value = conv(channels, half, 1, bias=False)
        self.out = conv(half, channels, 1, bias=False)
        self.share = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, *S) to the same shape; every axis of S holds at least 2 pixels."""
        queries = self.query(x).flatten(2)
        keys, values = (_halve(layer(x)).flatten(2) for layer in (self.key, self.value))
        weights = (queries.transpose(1, 2) @ keys).softmax(-1)
        told = self.out((values @ weights.transpose(1, 2)).unflatten(2, x.shape[2:]))
        return x + self.share * told


def _halve(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2) if x.dim() == 4 else F.max_pool3d(x, 2)
