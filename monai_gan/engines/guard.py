"""Stops training when a loss is no longer finite."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from monai_gan.errors import NonFiniteLossError


class NonFiniteGuard:
    """Looks at every loss before its gradient reaches the weights.

    On a GPU the verdict on a step is read during the next one: waiting for it at once would stall the device. With a
    loss scale (fp16) single overflows are ordinary, the scaler skips such a step; only a run of them stops training.

    Args:
        patience: non-finite steps in a row that are tolerated, counted for each set of losses by itself.

    Attributes:
        last_checkpoint: path of the newest checkpoint, told by whoever writes it; None without one.
    """

    def __init__(self, patience: int = 0) -> None:
        self.patience = patience
        self.last_checkpoint: str | None = None
        # Per set of losses: a generator that is well must not make up for a discriminator that never is.
        self._rows: dict[tuple[str, ...], int] = {}
        self._pending: tuple[int, tuple[str, ...], Tensor, torch.cuda.Event | None] | None = None

    def check(self, losses: Mapping[str, Tensor], iteration: int) -> None:
        """Judge the losses of one backward pass.

        Raises:
            NonFiniteLossError: naming iteration, loss and the last good checkpoint.
        """
        values = torch.stack([value.detach().float() for value in losses.values()])
        self.flush()
        arrived = None
        if values.is_cuda:
            # Sent on its way now: an operation on the GPU at the time of reading would queue behind the whole step.
            arrived = torch.cuda.Event()
            stream = torch.cuda.current_stream(values.device)
            values = values.to("cpu", non_blocking=True)
            arrived.record(stream)
        self._pending = (iteration, tuple(losses), values, arrived)
        if values.device.type == "cpu" and arrived is None:
            self.flush()

    def flush(self) -> None:
        """Read the verdict that is still outstanding; call it before a checkpoint is written.

        Raises:
            NonFiniteLossError: as :meth:`check`.
        """
        if self._pending is None:
            return
        iteration, names, values, arrived = self._pending
        self._pending = None
        if arrived is not None:
            arrived.synchronize()
        finite = torch.isfinite(values)
        if bool(finite.all()):
            self._rows[names] = 0
            return
        self._rows[names] = self._rows.get(names, 0) + 1
        if self._rows[names] > self.patience:
            worst = int(torch.nonzero(~finite)[0])
            raise self._error(f"Loss '{names[worst]}' became {float(values[worst])} at iteration {iteration}")

    def check_weights(self, networks: Mapping[str, nn.Module], iteration: int) -> None:
        """Refuse weights that a finite loss with a non-finite gradient has spoilt: no checkpoint shall keep them.

        Raises:
            NonFiniteLossError: naming iteration, network and the last good checkpoint.
        """
        for name, network in networks.items():
            finite = [torch.isfinite(parameter).all() for parameter in network.parameters()]
            if finite and not bool(torch.stack(finite).all()):
                raise self._error(f"Weights of '{name}' are no longer finite after iteration {iteration}")

    def _error(self, what: str) -> NonFiniteLossError:
        kept = f"The last good checkpoint is {self.last_checkpoint}." if self.last_checkpoint else "No checkpoint."
        return NonFiniteLossError(
            f"{what}; training stopped. {kept}",
            hint="Lower the learning rate, or train with precision='fp32', then run the same command again.",
        )
