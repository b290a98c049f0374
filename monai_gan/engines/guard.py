"""Stops training when a loss is no longer finite."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.errors import NonFiniteLossError


class NonFiniteGuard:
    """Looks at every loss before its gradient reaches the weights.

    On a GPU the verdict on a step is read during the next one: waiting for it at once would stall the device. With a
    loss scale (fp16) single overflows are ordinary, the scaler skips such a step; only a run of them stops training.

    Args:
        patience: non-finite steps in a row that are tolerated.
    """

    def __init__(self, patience: int = 0) -> None:
        self.patience = patience
        self.last_checkpoint: str | None = None
        self._row = 0
        self._pending: tuple[int, list[str], Tensor] | None = None

    def check(self, losses: dict[str, Tensor], iteration: int) -> None:
        """Judge the losses of one backward pass.

        Raises:
            NonFiniteLossError: naming iteration, loss and the last good checkpoint.
        """
        names = list(losses)
        values = torch.stack([value.detach().float() for value in losses.values()])
        self.flush()
        self._pending = (iteration, names, values)
        if values.device.type == "cpu":
            self.flush()

    def flush(self) -> None:
        """Read the verdict that is still outstanding; call it before a checkpoint is written."""
        if self._pending is None:
            return
        iteration, names, values = self._pending
        self._pending = None
        finite = torch.isfinite(values)
        if bool(finite.all()):
            self._row = 0
            return
        self._row += 1
        if self._row > self.patience:
            worst = int(torch.nonzero(~finite)[0])
            kept = f"The last good checkpoint is {self.last_checkpoint}." if self.last_checkpoint else "No checkpoint."
            raise NonFiniteLossError(
                f"Loss '{names[worst]}' became {float(values[worst])} at iteration {iteration}; training stopped. "
                f"{kept}",
                hint="Lower the learning rate, or train with precision='fp32', then run the same command again.",
            )
