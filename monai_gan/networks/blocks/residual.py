"""Residual blocks with pre-activation that double or halve the resolution (Gulrajani 2017, appendix C)."""

from __future__ import annotations

import torch.nn.functional as F
from monai.networks.layers.factories import Conv
from torch import Tensor, nn

from monai_gan.networks.blocks.layers import LayerSpec, norm_act_layers
from monai_gan.networks.blocks.resample import ConvMeanPool, UpsampleConv


class ResidualUpBlock(nn.Module):
    """norm - act - doubling and convolution - norm - act - convolution, plus a doubled shortcut.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        norm: MONAI norm specification or None.
        act: MONAI activation specification.
    """

    def __init__(
        self, spatial_dims: int, in_channels: int, out_channels: int, norm: LayerSpec = "batch", act: LayerSpec = "relu"
    ) -> None:
        super().__init__()
        self.norm1, self.act1 = norm_act_layers(norm, act, spatial_dims, in_channels)
        self.conv1 = UpsampleConv(spatial_dims, in_channels, out_channels, bias=not norm)
        self.norm2, self.act2 = norm_act_layers(norm, act, spatial_dims, out_channels)
        self.conv2 = Conv[Conv.CONV, spatial_dims](out_channels, out_channels, 3, padding=1)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = Conv[Conv.CONV, spatial_dims](in_channels, out_channels, 1)
        _init_residual(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, *S) to (N, out_channels, *2S)."""
        # A pointwise convolution commutes with nearest-neighbour doubling and is cheaper before it.
        shortcut = F.interpolate(self.shortcut(x), scale_factor=2.0, mode="nearest")
        x = self.conv1(self.act1(self.norm1(x)))
        x = self.conv2(self.act2(self.norm2(x)))
        return x + shortcut


class ResidualDownBlock(nn.Module):
    """norm - act - convolution - norm - act - convolution and mean, plus a shortcut of means.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        norm: MONAI norm specification or None.
        act: MONAI activation specification.
    """

    def __init__(
        self, spatial_dims: int, in_channels: int, out_channels: int, norm: LayerSpec = None, act: LayerSpec = "relu"
    ) -> None:
        super().__init__()
        self.spatial_dims = spatial_dims
        self.norm1, self.act1 = norm_act_layers(norm, act, spatial_dims, in_channels)
        self.conv1 = Conv[Conv.CONV, spatial_dims](in_channels, in_channels, 3, padding=1, bias=not norm)
        self.norm2, self.act2 = norm_act_layers(norm, act, spatial_dims, in_channels)
        self.conv2 = ConvMeanPool(spatial_dims, in_channels, out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = Conv[Conv.CONV, spatial_dims](in_channels, out_channels, 1)
        _init_residual(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, *2S) to (N, out_channels, *S)."""
        pooled = F.avg_pool2d(x, 2) if self.spatial_dims == 2 else F.avg_pool3d(x, 2)
        shortcut = self.shortcut(pooled)
        x = self.conv1(self.act1(self.norm1(x)))
        x = self.conv2(self.act2(self.norm2(x)))
        return x + shortcut


def _init_residual(block: ResidualUpBlock | ResidualDownBlock) -> None:
    """He initialisation where a convolution reads an activation, Glorot for the linear shortcut, biases at zero."""
    for conv in (block.conv1, block.conv2):
        nn.init.kaiming_uniform_(conv.weight, nonlinearity="relu")
        if conv.bias is not None:
            nn.init.zeros_(conv.bias)
    if not isinstance(block.shortcut, nn.Identity):
        init_glorot(block.shortcut)


def init_glorot(layer: nn.Module) -> None:
    """Glorot initialisation for a convolution or linear layer that reads no activation, bias at zero.

    Args:
        layer: the layer, changed in place.
    """
    for parameter in layer.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.zeros_(parameter)
