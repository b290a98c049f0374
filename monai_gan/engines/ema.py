"""Exponential moving average of the networks that a variant is sampled with (Yazici et al. 2019, arXiv 1806.04498)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from monai_gan.variants import Variant

#: Buffers that belong to the weights they were measured with, and are averaged like them.
STATISTICS = ("running_mean", "running_var")


class EMA:
    """Averages the weights of ``variant.averaged_names``, and the running statistics of their norms, once an iteration.

    Early averages would be dominated by the random start, so the decay ramps up as ``(1 + n) / (10 + n)`` until it
    reaches ``decay``. Other buffers are copied: the average of a spectral norm's unit vectors is no unit vector.

    Args:
        variant: the variant in training.
        decay: 0 copies the weights, 0.999 averages over about a thousand iterations.

    Attributes:
        variant: a twin of the trained variant with averaged networks in eval mode, to sample from.
        updates: how often the averages were moved.

    Raises:
        ValueError: if ``decay`` is outside [0, 1).
    """

    def __init__(self, variant: Variant, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"ema_decay={decay} must be at least 0 and below 1, for instance 0.999.")
        self.decay = decay
        self.source = variant
        self.variant = variant.averaged_copy()
        self.updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Move the averages towards the present weights; the first time, to them."""
        # The count is kept on the host: torch's AveragedModel would wait for the GPU in every iteration to read it.
        n, self.updates = self.updates, self.updates + 1
        for name in self.source.averaged_names:
            averages, followers = _tensors(self.variant.get_submodule(name))
            weights, buffers = _tensors(self.source.get_submodule(name))
            if n == 0:
                torch._foreach_copy_(averages, weights)
            else:
                torch._foreach_lerp_(averages, weights, 1.0 - min(self.decay, (1.0 + n) / (10.0 + n)))
            if followers:
                torch._foreach_copy_(followers, buffers)

    def state_dict(self) -> dict[str, Any]:
        """The averaged networks' plain state dicts by name, and the number of updates."""
        networks = {name: self.variant.get_submodule(name).state_dict() for name in self.source.averaged_names}
        return {"networks": networks, "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        for name in self.source.averaged_names:
            self.variant.get_submodule(name).load_state_dict(state["networks"][name])
        self.updates = state["updates"]


def _tensors(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """What is averaged, and what is copied."""
    averaged: list[Tensor] = list(network.parameters())
    copied: list[Tensor] = []
    for name, buffer in network.named_buffers():
        (averaged if name.endswith(STATISTICS) else copied).append(buffer)
    return averaged, copied
