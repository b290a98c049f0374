"""A frozen network as features of images: preparation inside of its first convolution, normalisations folded."""

from __future__ import annotations

import copy
from collections import OrderedDict

import torch
from torch import Tensor, nn

from monai_gan.losses.perceptual.networks import PerceptualNetwork
from monai_gan.networks.frozen import fold_normalisations, freeze

#: Shapes of images of which the constant part is kept; a volume has three, more would be memory for nothing.
KEPT = 4


def frozen_features(network: nn.Module, known: PerceptualNetwork) -> nn.Module:
    """Make a network ready: it then takes images as they are, (N, 1 or 3, *S), and gives feature maps.

    Args:
        network: with its weights; changed in place.
        known: what is known of it.
    """
    fold_normalisations(network, network.normalised)  # type: ignore[arg-type]
    if known.spatial_dims == 2:
        stem = str(network.stem)
        network.set_submodule(stem, PreparingConv(network.get_submodule(stem), known))  # type: ignore[arg-type]
    freeze(network)
    return network


class PreparingConv(nn.Module):
    """The first convolution of a network together with the preparation of images before it.

    A prepared image is a x + b per channel, and a convolution is linear: that of a x is the one of x with kernels
    times a, and for a grey image, whose channels are equal, with kernels summed over channels. What b adds is the same
    for all images of a shape, but not the same everywhere: at the border, zeros are padded to the prepared image. So it
    is computed once per shape and kept.

    Args:
        convolution: of three channels.
        known: mean, standard deviation and order of the channels.
    """

    def __init__(self, convolution: nn.Conv2d, known: PerceptualNetwork) -> None:
        super().__init__()
        factor = torch.tensor(known.std, dtype=torch.float64).reciprocal().view(1, 3, 1, 1)
        shift = -torch.tensor(known.mean, dtype=torch.float64).view(1, 3, 1, 1) * factor
        kernels = convolution.weight.detach().double() * factor
        kernels = kernels.flip(1) if known.reverse else kernels
        self.convolution = convolution
        self.colour = _with_kernels(convolution, kernels.to(convolution.weight.dtype))
        self.grey = _with_kernels(convolution, kernels.sum(1, keepdim=True).to(convolution.weight.dtype))
        self.shift: Tensor
        self.register_buffer("shift", shift.to(convolution.weight.dtype), persistent=False)
        self._constants: OrderedDict[tuple[object, ...], Tensor] = OrderedDict()

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 1 or 3, H, W), not prepared, to what the network's convolution gives for prepared ones."""
        y = (self.grey if x.shape[1] == 1 else self.colour)(x)
        return y.add_(self._constant(x))

    def _constant(self, x: Tensor) -> Tensor:
        """The part (1, C, H', W') that does not depend on the image."""
        kernel = self.convolution.weight
        if kernel.is_meta:
            return kernel.new_empty(())  # only sizes are asked for
        key = (tuple(x.shape[2:]), kernel.device, kernel.dtype)
        if key not in self._constants:
            with torch.no_grad(), torch.autocast(kernel.device.type, enabled=False):
                self._constants[key] = self.convolution(self.shift.expand(1, 3, *x.shape[2:]))
            if len(self._constants) > KEPT:
                self._constants.popitem(last=False)
        return self._constants[key]

    def __getstate__(self) -> dict[str, object]:
        """Without what can be computed again."""
        return {**self.__dict__, "_constants": OrderedDict()}


def _with_kernels(convolution: nn.Conv2d, kernels: Tensor) -> nn.Conv2d:
    """A convolution of the same kind and without bias."""
    other = copy.deepcopy(convolution)
    # Kernels of one channel are in both orders at once, and unless their strides say channels-last, torch takes the
    # slower order for all layers behind.
    _, channels, height, width = kernels.shape
    strides = (channels * height * width, 1, channels * width, channels)
    ordered = torch.empty_strided(kernels.shape, strides, dtype=kernels.dtype).copy_(kernels)
    other.weight, other.bias = nn.Parameter(ordered, requires_grad=False), None
    other.in_channels = channels
    return other
