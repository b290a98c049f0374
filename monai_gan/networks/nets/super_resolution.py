"""Generators that raise the resolution: SRResNet (Ledig 2017) and the network of residual-in-residual dense blocks
(Wang 2018), in two and three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from monai.networks.blocks.upsample import SubpixelUpsample
from monai.networks.layers.factories import Conv
from torch import Tensor, nn

from monai_gan.networks.blocks.layers import LayerSpec, act_layer
from monai_gan.networks.blocks.residual_conv import ResidualConvBlock
from monai_gan.networks.blocks.resolution import check_positive
from monai_gan.networks.nets.image_generator import ImageGenerator

#: Share of a block's result that is added to its input (Wang et al. 2018, residual scaling).
RESIDUAL_SHARE = 0.2
LEAKY: tuple[str, dict[str, object]] = ("leakyrelu", {"negative_slope": 0.2})


class SRResNet(ImageGenerator):
    """Residual blocks at the low resolution, then sub-pixel convolutions (Ledig et al. 2017, figure 4).

    With ``interpolate`` the network adds detail to a linear interpolation with the grids' corners aligned to each
    other, instead of making the whole image; low frequencies are then right from the first step.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the result; equal to ``in_channels`` with ``interpolate``.
        scale_factor: a power of two, one number for all axes or one per axis, (1, 1, 2) for slices that get thinner; 1
            leaves the resolution, for denoising.
        channels: width of all layers.
        num_blocks: residual blocks.
        norm: MONAI norm specification or None; the paper's is batch norm, which later work leaves out.
        act: MONAI activation specification.
        interpolate: whether to add to the interpolated input.
        out_act: MONAI activation specification of the result, or None.

    Raises:
        ValueError: when a number is not positive, the factor no power of two, or the channels cannot be added.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int = 1,
        out_channels: int = 1,
        scale_factor: int | Sequence[int] = 2,
        channels: int = 64,
        num_blocks: int = 16,
        norm: LayerSpec = "batch",
        act: LayerSpec = "prelu",
        interpolate: bool = True,
        out_act: LayerSpec = None,
    ) -> None:
        super().__init__(spatial_dims, in_channels, out_channels)
        check_positive(channels=channels, num_blocks=num_blocks)
        conv = Conv[Conv.CONV, spatial_dims]
        blocks = [ResidualConvBlock(spatial_dims, channels, norm, act) for _ in range(num_blocks)]
        self.scale_factor = scale_factor if isinstance(scale_factor, int) else tuple(scale_factor)
        self.body = _Detail(
            nn.Sequential(conv(in_channels, channels, 9, padding=4), act_layer(act)),
            nn.Sequential(*blocks, conv(channels, channels, 3, padding=1)),
            _doublings(spatial_dims, channels, scale_factor, act),
            conv(channels, out_channels, 9, padding=4),
            _interpolation(spatial_dims, scale_factor, in_channels, out_channels, interpolate),
            out_act,
        )


class RRDBNet(ImageGenerator):
    """Residual-in-residual dense blocks without norms, then sub-pixel convolutions (ESRGAN: Wang et al. 2018, 3.1).

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the result; equal to ``in_channels`` with ``interpolate``.
        scale_factor: a power of two, one number for all axes or one per axis.
        channels: width of the trunk.
        growth: channels that each convolution of a dense block adds.
        num_blocks: residual-in-residual dense blocks; the paper's are 16 or 23.
        act: MONAI activation specification.
        interpolate: whether to add to the interpolated input, as in :class:`SRResNet`.
        out_act: MONAI activation specification of the result, or None.

    Raises:
        ValueError: when a number is not positive, the factor no power of two, or the channels cannot be added.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int = 1,
        out_channels: int = 1,
        scale_factor: int | Sequence[int] = 2,
        channels: int = 64,
        growth: int = 32,
        num_blocks: int = 23,
        act: LayerSpec = LEAKY,
        interpolate: bool = True,
        out_act: LayerSpec = None,
    ) -> None:
        super().__init__(spatial_dims, in_channels, out_channels)
        check_positive(channels=channels, growth=growth, num_blocks=num_blocks)
        conv = Conv[Conv.CONV, spatial_dims]
        blocks = [ResidualInResidualDenseBlock(spatial_dims, channels, growth, act) for _ in range(num_blocks)]
        self.scale_factor = scale_factor if isinstance(scale_factor, int) else tuple(scale_factor)
        self.body = _Detail(
            conv(in_channels, channels, 3, padding=1),
            nn.Sequential(*blocks, conv(channels, channels, 3, padding=1)),
            _doublings(spatial_dims, channels, scale_factor, act),
            nn.Sequential(
                conv(channels, channels, 3, padding=1), act_layer(act), conv(channels, out_channels, 3, padding=1)
            ),
            _interpolation(spatial_dims, scale_factor, in_channels, out_channels, interpolate),
            out_act,
        )


class DenseBlock(nn.Module):
    """Five convolutions, each of which reads all before it; a fifth of the result is added to the input.

    Args:
        spatial_dims: 2 or 3.
        channels: of input and output.
        growth: channels that each of the first four convolutions adds.
        act: MONAI activation specification.
    """

    def __init__(self, spatial_dims: int, channels: int, growth: int, act: LayerSpec) -> None:
        super().__init__()
        self.share = RESIDUAL_SHARE
        conv = Conv[Conv.CONV, spatial_dims]
        grow = [conv(channels + i * growth, growth, 3, padding=1) for i in range(4)]
        self.grow = nn.ModuleList(nn.Sequential(layer, act_layer(act)) for layer in grow)
        self.join = conv(channels + 4 * growth, channels, 3, padding=1)
        for layer in (*grow, self.join):
            # Small weights at the start, as residual learning without norms wants (the paper's section 3.1).
            nn.init.kaiming_normal_(layer.weight, a=0.2)
            layer.weight.data.mul_(0.1)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, *S) to the same shape."""
        known = x
        for stage in self.grow:
            known = torch.cat([known, stage(known)], dim=1)
        joined: Tensor = self.join(known)
        return x + self.share * joined


class ResidualInResidualDenseBlock(nn.Module):
    """Three dense blocks, a fifth of whose joint result is added to the input.

    Args:
        spatial_dims: 2 or 3.
        channels: of input and output.
        growth: of the dense blocks.
        act: MONAI activation specification.
    """

    def __init__(self, spatial_dims: int, channels: int, growth: int, act: LayerSpec) -> None:
        super().__init__()
        self.share = RESIDUAL_SHARE
        self.blocks = nn.Sequential(*(DenseBlock(spatial_dims, channels, growth, act) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, *S) to the same shape."""
        changed: Tensor = self.blocks(x)
        return x + self.share * changed


class _Detail(nn.Module):
    """head - trunk with a skip around it - doublings - tail, added to the interpolated input."""

    def __init__(
        self,
        head: nn.Module,
        trunk: nn.Module,
        doublings: nn.Module,
        tail: nn.Module,
        interpolation: nn.Module | None,
        out_act: LayerSpec,
    ) -> None:
        super().__init__()
        self.head, self.trunk, self.doublings, self.tail = head, trunk, doublings, tail
        self.interpolation = interpolation
        self.out_act = act_layer(out_act)

    def forward(self, image: Tensor) -> Tensor:
        x = self.head(image)
        x = self.tail(self.doublings(x + self.trunk(x)))
        if self.interpolation is not None:
            x = x + self.interpolation(image)
        bounded: Tensor = self.out_act(x)
        return bounded


def _doublings(spatial_dims: int, channels: int, scale_factor: int | Sequence[int], act: LayerSpec) -> nn.Sequential:
    """Sub-pixel convolutions (Shi et al. 2016), initialised and smoothed against checkerboards (Aitken et al. 2017).

    Where some axes only are doubled, values are repeated and convolved.
    """
    factors = _per_axis(spatial_dims, scale_factor)
    conv = Conv[Conv.CONV, spatial_dims]
    layers: list[nn.Module] = []
    for doubling in range(int(math.log2(max(factors)))):
        steps = tuple(2.0 if factor > 2**doubling else 1.0 for factor in factors)
        if min(steps) == 2:
            layers.append(SubpixelUpsample(spatial_dims, channels, channels, scale_factor=2))
        else:
            layers += [nn.Upsample(scale_factor=steps, mode="nearest"), conv(channels, channels, 3, padding=1)]
        layers.append(act_layer(act))
    return nn.Sequential(*layers)


def _per_axis(spatial_dims: int, scale_factor: int | Sequence[int]) -> tuple[int, ...]:
    """A factor for each axis, checked."""
    factors = (scale_factor,) * spatial_dims if isinstance(scale_factor, int) else tuple(scale_factor)
    if len(factors) != spatial_dims:
        raise ValueError(f"scale_factor={factors} has {len(factors)} numbers for {spatial_dims} axes.")
    for factor in factors:
        check_positive(scale_factor=factor)
        if factor & (factor - 1):
            raise ValueError(f"scale_factor={scale_factor} cannot be reached by doublings: give 1, 2, 4 or 8.")
    return factors


class _Interpolation(nn.Module):
    """Linear interpolation with the outer edges of the corner pixels in place (half-pixel centres)."""

    def __init__(self, spatial_dims: int, scale_factor: int | Sequence[int]) -> None:
        super().__init__()
        self.mode = "bilinear" if spatial_dims == 2 else "trilinear"
        self.scale_factor = [float(factor) for factor in _per_axis(spatial_dims, scale_factor)]

    def forward(self, image: Tensor) -> Tensor:
        return F.interpolate(image, scale_factor=self.scale_factor, mode=self.mode, align_corners=False)


def _interpolation(
    spatial_dims: int, scale_factor: int | Sequence[int], in_channels: int, out_channels: int, wanted: bool
) -> nn.Module | None:
    if not wanted:
        return None
    if in_channels != out_channels:
        raise ValueError(
            f"in_channels={in_channels} cannot be added to out_channels={out_channels}: pass interpolate=False."
        )
    return _Interpolation(spatial_dims, scale_factor)
