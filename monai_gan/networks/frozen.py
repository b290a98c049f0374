"""Networks that are used and never trained: normalisations folded, weights that no optimizer or checkpoint sees."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from monai_gan.networks.frozen_conv import FrozenConv2d


def fold_normalisations(network: nn.Module, pairs: Iterable[tuple[str, str]]) -> None:
    """Put the affine map of each normalisation in evaluation mode into the convolution before it.

    Args:
        network: changed in place.
        pairs: names of a convolution and of the normalisation behind it.
    """
    network.eval()
    for convolution, normalisation in pairs:
        folded: nn.Module = fuse_conv_bn_eval(*map(network.get_submodule, (convolution, normalisation)))  # type: ignore[arg-type,type-var]
        network.set_submodule(convolution, folded)
        network.set_submodule(normalisation, nn.Identity())


def freeze(network: nn.Module) -> None:
    """Turn parameters and buffers into buffers that follow ``to()`` but are in no state dict.

    Then no gradient of a weight is computed, whatever is done to ``requires_grad``, optimizers are given nothing, and a
    checkpoint of a module that owns the network does not grow by it.

    Args:
        network: changed in place; set to evaluation mode.
    """
    network.eval()
    for name, module in list(network.named_modules()):
        if type(module) is nn.Conv2d:
            network.set_submodule(name, FrozenConv2d.of(module))
    for module in network.modules():
        for name, parameter in list(module._parameters.items()):
            if parameter is not None:
                del module._parameters[name]
                module.register_buffer(name, _for_images(parameter.detach()), persistent=False)
        module._non_persistent_buffers_set.update(module._buffers)


def _for_images(weight: torch.Tensor) -> torch.Tensor:
    """Kernels for images in channels-last order, in which convolutions on CPUs and tensor cores are fastest."""
    return weight.contiguous(memory_format=torch.channels_last) if weight.ndim == 4 else weight
