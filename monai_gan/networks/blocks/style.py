"""The layers of StyleGAN2's generator (Karras et al. 2020, arXiv 1912.04958, section 2), in 2-D and 3-D."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from monai_gan.networks.blocks.style_layers import TAPS, EqualLinear, joined, joining_matrix, joins_filters, unit_rows
from monai_gan.ops import bias_act, modulated_conv, upfirdn
from monai_gan.ops.bias_act import GAINS


class MappingNetwork(nn.Module):
    """Latent and condition to an intermediate latent w.

    Args:
        latent_size: length of a latent z; 0 maps the condition alone.
        condition_size: length of a condition; 0 for none.
        style_size: length of w.
        layers: number of linear layers.
        rate: factor of their learning rate.
        average_decay: of the running mean of w, towards which samples are truncated; 0 keeps none.
    """

    def __init__(
        self,
        latent_size: int,
        condition_size: int,
        style_size: int,
        layers: int,
        rate: float = 0.01,
        average_decay: float = 0.998,
    ) -> None:
        super().__init__()
        self.average_decay = average_decay
        self.embed = EqualLinear(condition_size, style_size) if condition_size else None
        widths = [latent_size + (style_size if condition_size else 0), *(style_size,) * layers]
        self.layers = nn.Sequential(*(EqualLinear(a, b, "leaky_relu", rate) for a, b in itertools.pairwise(widths)))
        self.register_buffer("average", torch.zeros(style_size) if average_decay else None)

    def forward(self, latent: Tensor | None, condition: Tensor | None = None) -> Tensor:
        """Map latents (N, latent_size) and conditions (N, condition_size) to w (N, style_size)."""
        # Latents have float32 precision only once they are scaled: autocast would round them before.
        parts = [] if latent is None else [unit_rows(latent)]
        if self.embed is not None and condition is not None:
            parts.append(unit_rows(self.embed(condition)))
        w: Tensor = self.layers(torch.cat(parts, 1))
        return w

    @torch.no_grad()
    def follow(self, w: Tensor) -> None:
        """Move the running mean of w towards that of a batch."""
        self.average.lerp_(w.float().mean(0), 1 - self.average_decay)  # type: ignore[operator,union-attr]


class StyleConv(nn.Module):
    """A modulated convolution, noise, a bias and an activation; may double the resolution.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        style_size: length of w.
        size: of the output, for its fixed noise.
        up: 1, or 2 to double every axis.
        add_noise: False leaves the noise out and its strength as it is.
    """

    joining: Tensor
    taps: Tensor
    noise: Tensor

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        style_size: int,
        size: Sequence[int],
        up: int,
        add_noise: bool = True,
    ) -> None:
        super().__init__()
        self.up = up
        self.add_noise = add_noise
        self.affine = EqualLinear(style_size, in_channels, bias=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, *(3,) * spatial_dims))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros(()), requires_grad=add_noise)
        self.register_buffer("noise", torch.randn(1, 1, *size))
        # Every second sample of the spread signal is zero, which the filter has to make up for.
        joining = joining_matrix(spatial_dims, 3, gain=2.0**spatial_dims) if up == 2 else None
        self.register_buffer("joining", joining, persistent=False)
        self.register_buffer("taps", torch.tensor(TAPS) * 2 if up == 2 else None, persistent=False)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """Map (N, in_channels, *S) with w (N, style_size) and noise (N, 1, *S * up) to (N, out_channels, *S * up).

        Without noise given, the layer's own fixed noise is added, the same for all images; with ``add_noise`` False
        none is, given or not.
        """
        joins = self.up == 2 and joins_filters(x)
        kernel = joined(self.weight, self.joining) if joins else None
        taps = None if joins else self.taps
        # The activation's gain acts before it, where it costs nothing: on the demodulation, noise and bias.
        gain = GAINS["leaky_relu"]
        added = (self.noise if noise is None else noise) * (self.noise_strength * gain) if self.add_noise else None
        y = modulated_conv(x, self.weight, self.affine(w), kernel=kernel, taps=taps, noise=added, up=self.up, gain=gain)
        return bias_act(y, self.bias * gain, gain=1.0)


class ToImage(nn.Module):
    """Features to the image's channels, by a modulated convolution of kernel 1 that is not demodulated.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the image.
        style_size: length of w.
    """

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int, style_size: int) -> None:
        super().__init__()
        self.affine = EqualLinear(style_size, in_channels, bias=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, *(1,) * spatial_dims))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.scale = 1 / math.sqrt(in_channels)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map (N, in_channels, *S) to (N, out_channels, *S)."""
        y = modulated_conv(x, self.weight, self.affine(w) * self.scale, demodulate=False)
        return bias_act(y, self.bias, activation="identity")


class StyleBlock(nn.Module):
    """One resolution of the generator: its convolutions and its share of the image.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the block before; 0 for the first block, which begins with a learned constant.
        out_channels: channels of this resolution.
        image_channels: channels of the image.
        style_size: length of w.
        size: pixels per axis of this resolution.
        add_noise: of the convolutions.
    """

    taps: Tensor
    conv0: StyleConv

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        image_channels: int,
        style_size: int,
        size: Sequence[int],
        add_noise: bool = True,
    ) -> None:
        super().__init__()
        self.constant = None if in_channels else nn.Parameter(torch.randn(out_channels, *size))
        if in_channels:
            self.conv0 = StyleConv(spatial_dims, in_channels, out_channels, style_size, size, 2, add_noise)
        self.conv1 = StyleConv(spatial_dims, out_channels, out_channels, style_size, size, 1, add_noise)
        self.to_image = ToImage(spatial_dims, out_channels, image_channels, style_size)
        self.convolutions = 2 if in_channels else 1
        self.register_buffer("taps", torch.tensor(TAPS), persistent=False)

    def forward(
        self, x: Tensor | None, image: Tensor | None, ws: Tensor, noise: Sequence[Tensor | None]
    ) -> tuple[Tensor, Tensor]:
        """Map the features and image of the block before to those of this resolution.

        Args:
            x: (N, in_channels, *S), None for the first block.
            image: (N, image_channels, *S), None for the first block.
            ws: (N, convolutions + 1, style_size).
            noise: one per convolution.
        """
        if self.constant is not None:
            x = self.constant.unsqueeze(0).expand(len(ws), *self.constant.shape)
        else:
            x = self.conv0(x, ws[:, 0], noise[0])
        x = self.conv1(x, ws[:, self.convolutions - 1], noise[-1])
        part: Tensor = self.to_image(x, ws[:, self.convolutions])
        if image is not None:
            axes = image.ndim - 2
            part = part + upfirdn(image, self.taps, up=2, padding=(2, 1), gain=2.0**axes).to(part.dtype)
        return x, part
