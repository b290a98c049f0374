"""Convolutions joined with a change of resolution, each computed as one strided convolution.

Nearest-neighbour doubling is a transposed convolution with a box of ones, and the mean over 2 pixels per axis is a
strided convolution with a box of 1/2 per axis. Either joins with the kernel of width 3 beside it into one kernel of
width 4 and stride 2. The result is the same at every pixel, borders included, for 16 multiplications in place of 36 (64
in place of 216 in 3-D), and no feature map at the higher resolution is stored between the two.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _join_box(weight: Tensor, spatial_dims: int) -> Tensor:
    """Convolve kernels (A, B, 3, ...) with a box of ones of width 2: (A, B, 4, ...)."""
    if spatial_dims == 2:
        weight = F.pad(weight, [0, 0, 0, 1]) + F.pad(weight, [0, 0, 1, 0])
        return F.pad(weight, [0, 1]) + F.pad(weight, [1, 0])
    weight = F.pad(weight, [0, 0, 0, 0, 0, 1]) + F.pad(weight, [0, 0, 0, 0, 1, 0])
    weight = F.pad(weight, [0, 0, 0, 1]) + F.pad(weight, [0, 0, 1, 0])
    return F.pad(weight, [0, 1]) + F.pad(weight, [1, 0])


class _Conv3(nn.Module):
    """Parameters of a convolution with kernel 3, as ``torch.nn.Conv2d`` or ``Conv3d`` would hold them."""

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__()
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, *(3,) * spatial_dims))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, bias={self.bias is not None}"


class UpsampleConv(_Conv3):
    """Nearest-neighbour doubling, then a convolution with kernel 3.

    The remedy of Odena 2016, "Deconvolution and checkerboard artifacts": every output pixel sums the
    same kernel, so that a flat input gives a flat output.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        bias: whether to add a bias.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, *S) to (N, out_channels, *2S)."""
        if self.spatial_dims == 2:
            kernel = _join_box(self.weight.transpose(0, 1).flip(2, 3), 2)
            return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)
        kernel = _join_box(self.weight.transpose(0, 1).flip(2, 3, 4), 3)
        return F.conv_transpose3d(x, kernel, self.bias, stride=2, padding=1)


class ConvMeanPool(_Conv3):
    """A convolution with kernel 3, then the mean over blocks of 2 pixels per axis (Gulrajani 2017).

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        bias: whether to add a bias.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, *2S) to (N, out_channels, *S)."""
        if self.spatial_dims == 2:
            return F.conv2d(x, _join_box(self.weight, 2) * 0.25, self.bias, stride=2, padding=1)
        return F.conv3d(x, _join_box(self.weight, 3) * 0.125, self.bias, stride=2, padding=1)
