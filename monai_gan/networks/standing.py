"""Batch statistics of a finished generator, in place of those that training left."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def standing_statistics(network: nn.Module, inputs: Iterable[tuple[Tensor, ...]]) -> None:
    """Measure mean and variance of every batch normalisation anew, as the plain average over the given batches.

    Running statistics lag behind weights that still move, and averaged weights never saw theirs (Brock 2019, section
    3.1). All else stays in eval mode, spectral norms among it.

    Args:
        network: the generator; its mode is left as it was.
        inputs: arguments of its call, a batch each.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    modes = {module: module.training for module in network.modules()}
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average
        norm.train()
    try:
        for arguments in inputs:
            network(*arguments)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, training in modes.items():
            module.training = training
