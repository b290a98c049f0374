"""The residual block of networks that keep the resolution."""

from __future__ import annotations

from monai.networks.layers.factories import Conv
from torch import Tensor, nn

from monai_gan.networks.blocks.layers import LayerSpec, norm_act_layers, norm_layer


class ResidualConvBlock(nn.Module):
    """convolution - norm - act - convolution - norm, plus the input (He et al. 2016 without the last activation).

    The block of Johnson et al. 2016, CycleGAN and SRGAN.

    Args:
        spatial_dims: 2 or 3.
        channels: of input and output.
        norm: MONAI norm specification or None.
        act: MONAI activation specification.
        padding_mode: how the border is continued, as ``torch.nn.Conv2d`` names it.
    """

    def __init__(
        self, spatial_dims: int, channels: int, norm: LayerSpec, act: LayerSpec, padding_mode: str = "zeros"
    ) -> None:
        super().__init__()
        conv = Conv[Conv.CONV, spatial_dims]
        arguments = {"kernel_size": 3, "padding": 1, "bias": not norm, "padding_mode": padding_mode}
        self.body = nn.Sequential(
            conv(channels, channels, **arguments),
            *norm_act_layers(norm, act, spatial_dims, channels),
            conv(channels, channels, **arguments),
            norm_layer(norm, spatial_dims, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, *S) to the same shape."""
        changed: Tensor = self.body(x)
        return x + changed
