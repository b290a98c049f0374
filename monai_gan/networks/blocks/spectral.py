"""Spectral normalisation of a whole network (Miyato et al. 2018, arXiv 1802.05957)."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm


def spectrally_normalised(network: nn.Module) -> nn.Module:
    """Divide every weight matrix by its largest singular value, estimated by one power iteration per forward pass.

    Convolutions, linear layers and embeddings are normalised in place; gains and biases are left alone. Every layer is
    then 1-Lipschitz in the sense of its matrix (algorithm 1). TorchScript cannot compile such a network.

    Args:
        network: usually a discriminator.

    Returns:
        The network, for use in a configuration.

    Raises:
        ValueError: when it has no weight to normalise.
    """
    layers = [
        module
        for module in network.modules()
        if isinstance(weight := getattr(module, "weight", None), nn.Parameter) and weight.dim() > 1
    ]
    if not layers:
        raise ValueError(f"{type(network).__name__} has no weight matrix: nothing can be normalised.")
    for layer in layers:
        spectral_norm(layer)
    return network
