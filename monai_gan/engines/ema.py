"""Exponential moving average of the networks that a variant is sampled with (Yazici et al. 2019, arXiv 1806.04498)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from monai_gan.variants import Variant

Tensors = tuple[Tensor, ...] | list[Tensor]


class EMA:
    """Averages weights and floating-point buffers of ``variant.averaged_names`` after every iteration.

    Early averages would be dominated by the random start, so the decay ramps up as ``(1 + n) / (10 + n)`` until it
    reaches ``decay``.

    Args:
        variant: the variant in training.
        decay: 0 copies the weights, 0.999 averages over about a thousand iterations.

    Attributes:
        variant: a twin of the trained variant with averaged networks in eval mode, to sample from.

    Raises:
        ValueError: if ``decay`` is outside [0, 1).
    """

    def __init__(self, variant: Variant, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"ema_decay={decay} must be at least 0 and below 1, for instance 0.999.")
        self.decay = decay
        self.source = variant
        self.variant = variant.averaged_copy()
        self._averages = {
            name: AveragedModel(self.variant.get_submodule(name), multi_avg_fn=self._lerp, use_buffers=True)
            for name in variant.averaged_names
        }
        for name, average in self._averages.items():
            # AveragedModel copies its module; the twin shall show that copy, not another one.
            self.variant.__dict__["_modules"][name] = average.module.eval()

    @torch.no_grad()
    def _lerp(self, averages: Tensors, values: Tensors, count: Tensor | int) -> None:
        n = float(count)
        weight = 1.0 - min(self.decay, (1.0 + n) / (10.0 + n))
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, values, weight)
        else:
            torch._foreach_copy_(averages, values)

    def update(self) -> None:
        """Move the averages towards the present weights."""
        for name, average in self._averages.items():
            average.update_parameters(self.source.get_submodule(name))

    def state_dict(self) -> dict[str, Any]:
        """The averaged networks' plain state dicts by name, and the number of updates."""
        networks = {name: average.module.state_dict() for name, average in self._averages.items()}
        counts = {name: int(average.n_averaged) for name, average in self._averages.items()}
        return {"networks": networks, "updates": counts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        for name, average in self._averages.items():
            average.module.load_state_dict(state["networks"][name])
            average.n_averaged.fill_(state["updates"][name])
