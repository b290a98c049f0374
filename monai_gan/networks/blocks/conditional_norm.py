"""Batch normalisation whose gain and shift a condition gives, and the residual block of it."""

from __future__ import annotations

import torch.nn.functional as F
from monai.networks.layers.factories import Norm
from torch import Tensor, nn

from monai_gan.networks.blocks.layers import LayerSpec
from monai_gan.networks.blocks.residual import ResidualUpBlock


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation, then a gain and a shift per channel, linear in a condition (de Vries 2017; Brock 2019).

    Args:
        spatial_dims: 2 or 3.
        channels: channels of the input.
        condition_size: length of the condition; the gain at a condition of zeros is 1, the shift 0.
    """

    def __init__(self, spatial_dims: int, channels: int, condition_size: int) -> None:
        super().__init__()
        self.norm = Norm[Norm.BATCH, spatial_dims](channels, affine=False)
        self.affine = nn.Linear(condition_size, 2 * channels, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Map (N, C, *S) and conditions (N, condition_size) to (N, C, *S)."""
        gain, shift = self.affine(condition).reshape(len(x), -1, *[1] * (x.dim() - 2)).chunk(2, dim=1)
        return shift.addcmul(self.norm(x), gain + 1)


class ConditionalUpBlock(ResidualUpBlock):
    """A :class:`ResidualUpBlock` with conditional batch normalisation (Brock 2019, figure 15a).

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        condition_size: length of the condition.
        act: MONAI activation specification.
    """

    def __init__(
        self, spatial_dims: int, in_channels: int, out_channels: int, condition_size: int, act: LayerSpec = "relu"
    ) -> None:
        super().__init__(spatial_dims, in_channels, out_channels, norm=None, act=act)
        self.norm1 = ConditionalBatchNorm(spatial_dims, in_channels, condition_size)
        self.norm2 = ConditionalBatchNorm(spatial_dims, out_channels, condition_size)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        """Map (N, in_channels, *S) and conditions (N, condition_size) to (N, out_channels, *2S)."""
        shortcut = F.interpolate(self.shortcut(x), scale_factor=2.0, mode="nearest")
        x = self.conv1(self.act1(self.norm1(x, condition)))
        x = self.conv2(self.act2(self.norm2(x, condition)))
        return x + shortcut
