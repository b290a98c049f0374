"""Layers with an equalised learning rate (Karras et al. 2018, section 4.1): weights are standard normal and are scaled
at run time, so that Adam moves all of them at one relative speed."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_gan.ops import bias_act, upfirdn
from monai_gan.ops.bias_act import GAINS, Activation

#: The filter of StyleGAN2's changes of resolution, a binomial one (Karras et al. 2020, section 4.1).
TAPS = (0.125, 0.375, 0.375, 0.125)


class EqualLinear(nn.Module):
    """A linear layer with an equalised learning rate, then a bias and an activation.

    Args:
        in_features: length of the input.
        out_features: length of the output.
        activation: ``"identity"`` or ``"leaky_relu"``.
        rate: factor of the learning rate of weight and bias.
        bias: start of the bias.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: Activation = "identity",
        rate: float = 1.0,
        bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / rate)
        self.bias = nn.Parameter(torch.full((out_features,), bias / rate))
        self.activation: Activation = activation
        self.gain = rate / math.sqrt(in_features)
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_features) to (N, out_features)."""
        bias = self.bias if self.rate == 1.0 else self.bias * self.rate
        y = torch.addmm(bias, x, self.weight.t(), alpha=self.gain)
        return y if self.activation == "identity" else bias_act(y, activation=self.activation)


class EqualConv(nn.Module):
    """A convolution with an equalised learning rate, a bias and an activation; may halve the resolution.

    Halving filters with :data:`TAPS`, joined with the kernel or apart, see :func:`joins_filters`.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: 1 or 3.
        down: 1, or 2 to halve every axis.
        activation: ``"identity"`` or ``"leaky_relu"``.
        bias: whether there is one.
        gain: factor of the result.
    """

    joining: Tensor
    taps: Tensor

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        down: int = 1,
        activation: Activation = "leaky_relu",
        bias: bool = True,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.spatial_dims = spatial_dims
        self.down = down
        self.activation: Activation = activation
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, *(kernel_size,) * spatial_dims))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        # The activation is positively homogeneous, so that its gain may act on kernel and bias, which are smaller.
        self.gain = gain * GAINS[activation]
        self.scale = self.gain / math.sqrt(in_channels * kernel_size**spatial_dims)
        joining = joining_matrix(spatial_dims, kernel_size) * self.scale if down == 2 else None
        self.register_buffer("joining", joining, persistent=False)
        self.register_buffer("taps", torch.tensor(TAPS) if down == 2 else None, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, *S) to (N, out_channels, *S // down)."""
        joins = self.down == 2 and joins_filters(x)
        kernel = joined(self.weight, self.joining) if joins else self.weight * self.scale
        size, stride = kernel.shape[-1], self.down
        padding = (size - 1) // 2
        if self.down == 2 and not joins:
            # A kernel of one pixel needs only the pixels that are kept.
            kept = 2 if size == 1 else 1
            x = upfirdn(x, self.taps, down=kept, padding=(size + len(TAPS) - 2) // 2)
            stride, padding = 2 // kept, 0
        bias = None if self.bias is None else self.bias * self.gain
        convolve = F.conv2d if self.spatial_dims == 2 else F.conv3d
        # On a CPU the convolution adds the bias on its way; on a GPU the activation's kernel does.
        early, late = (bias, None) if x.device.type == "cpu" else (None, bias)
        y = convolve(x, kernel, early, stride=stride, padding=padding)
        return bias_act(y, late, activation=self.activation, gain=1.0)


def joins_filters(x: Tensor) -> bool:
    """Whether a filter is joined with the kernel beside it, so that one convolution does both.

    That saves passes over memory and multiplies the products by ((k + 3) / k)^D. On a CPU the products decide: there
    filters stay apart.
    """
    return x.device.type != "cpu"


def joining_matrix(spatial_dims: int, kernel_size: int, gain: float = 1.0) -> Tensor:
    """The matrix by which a kernel of ``kernel_size`` per axis is convolved with the filter :data:`TAPS`.

    Returns:
        (kernel_size ** D, (kernel_size + 3) ** D), for :func:`joined`.
    """
    taps = torch.tensor(TAPS)
    axis = torch.zeros(kernel_size, kernel_size + len(TAPS) - 1)
    for start in range(kernel_size):
        axis[start, start : start + len(TAPS)] = taps
    matrix = axis
    for _ in range(spatial_dims - 1):
        matrix = torch.kron(matrix, axis)
    return matrix * gain


def joined(weight: Tensor, matrix: Tensor) -> Tensor:
    """A kernel (O, I, *k) joined with a filter: (O, I, *k'). One convolution then does what two would."""
    size = weight.shape[-1] + len(TAPS) - 1
    with torch.autocast(weight.device.type, enabled=False):
        flat = weight.reshape(-1, matrix.shape[0]) @ matrix.to(weight.dtype)
    return flat.reshape(*weight.shape[:2], *(size,) * (weight.ndim - 2))


def laid_out_like(image: Tensor, weight: Tensor) -> Tensor:
    """The image with strides that say channels-last if a weight of a later layer is.

    The strides of one channel fit either layout, and its convolution would answer in the contiguous one.
    """
    layout = torch.channels_last if image.ndim == 4 else torch.channels_last_3d
    if image.shape[1] != 1 or weight.is_contiguous() or not weight.is_contiguous(memory_format=layout):
        return image
    return image.squeeze(1).unsqueeze(-1).movedim(-1, 1)


def unit_rows(x: Tensor) -> Tensor:
    """Each row of (N, Z) scaled to a mean square of 1 (Karras et al. 2018, equation 2)."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
