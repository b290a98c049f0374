"""One optimizer step of one half of a variant, from its losses to its new weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from monai_gan.engines.distributed import average_gradients
from monai_gan.variants import Batch, Half, Step, Variant

Losses = dict[str, Tensor]
Judge = Callable[[Losses], None]


@dataclass(frozen=True)
class HalfStep:
    """What an optimizer step of one half works with.

    Args:
        variant: gives the losses.
        half: whose losses.
        optimizers: of the networks that are stepped, by name.
        trainable: the parameters of all networks that have an optimizer, by name.
        scaler: of the losses of this half.
        precision: type of autocast; float32 does without.
        clip_norm: largest gradient norm per network; None does not clip.
        device: where the networks are.
    """

    variant: Variant
    half: Half
    optimizers: Mapping[str, Optimizer]
    trainable: Mapping[str, Sequence[nn.Parameter]]
    scaler: GradScaler
    precision: torch.dtype
    clip_norm: float | None
    device: torch.device

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters that are stepped."""
        return [parameter for name in self.optimizers for parameter in self.trainable[name]]

    def run(self, batches: Sequence[Batch], steps: Sequence[Step], judge: Judge) -> Losses:
        """The whole step: :meth:`backward`, then :meth:`update`."""
        losses = self.backward(batches, steps, judge)
        self.update()
        return losses

    def backward(self, batches: Sequence[Batch], steps: Sequence[Step], judge: Judge | None = None) -> Losses:
        """Leave the gradients of the losses, averaged over micro-batches, in the parameters.

        Args:
            batches: the micro-batches.
            steps: what the losses may know of each of them.
            judge: looks at the losses of each micro-batch before their gradient is taken.

        Returns:
            The named losses, averaged over micro-batches and without a graph.
        """
        evaluate = getattr(self.variant, f"{self.half}_losses")
        output: Losses = {}
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        with self._only():
            for batch, step in zip(batches, steps, strict=True):
                with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
                    losses = evaluate(batch, step)
                if judge is not None:
                    judge(losses)
                self.scaler.scale(torch.stack(list(losses.values())).sum() / len(batches)).backward()
                for name, value in losses.items():
                    output[name] = output.get(name, 0.0) + value.detach() / len(batches)
        return output

    def update(self) -> None:
        """Average gradients over processes, clip them, step the optimizers and project the weights."""
        # Not every part of a loss reaches every network of its half, and a scaler refuses one without gradients.
        reached = [name for name in self.optimizers if any(p.grad is not None for p in self.trainable[name])]
        for name in reached:
            average_gradients(self.trainable[name])
            if self.clip_norm is not None:
                self.scaler.unscale_(self.optimizers[name])
                nn.utils.clip_grad_norm_(self.trainable[name], self.clip_norm)
            self.scaler.step(self.optimizers[name])
        if reached:
            self.scaler.update()
        self.variant.project(self.half)

    @contextmanager
    def _only(self) -> Iterator[None]:
        """Let gradients reach the stepped networks alone: no work is spent on weights that are not stepped."""
        for name, parameters in self.trainable.items():
            for parameter in parameters:
                parameter.requires_grad_(name in self.optimizers)
        try:
            yield
        finally:
            for parameters in self.trainable.values():
                for parameter in parameters:
                    parameter.requires_grad_(True)
