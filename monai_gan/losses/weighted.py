"""Named losses of an image and its target, each with its weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

ImageLoss = Callable[[Tensor, Tensor], Tensor]


class WeightedLosses:
    """Calls losses by name and multiplies each by its weight.

    It is no module, on purpose: a frozen network inside a loss, such as that of a perceptual loss, belongs neither to
    the parameters of a variant nor into its checkpoints. Modules are moved to the device of the images at the call.

    Args:
        losses: functions or modules of (image, target), both (N, C, *S), that give a scalar, by name.
        weights: a factor per name.

    Raises:
        ValueError: when the names differ.

    Example:
        >>> import torch
        >>> losses = WeightedLosses({"l1": torch.nn.L1Loss()}, {"l1": 100.0})
        >>> losses(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2))
        {'l1': tensor(100.)}
    """

    def __init__(self, losses: Mapping[str, ImageLoss], weights: Mapping[str, float]) -> None:
        if set(losses) != set(weights):
            raise ValueError(f"losses={sorted(losses)} and weights={sorted(weights)} must have the same names.")
        self.losses = dict(losses)
        self.weights = {name: float(weight) for name, weight in weights.items()}

    def __call__(self, image: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Weighted scalars by name, float32 or wider."""
        values = {}
        for name, loss in self.losses.items():
            if isinstance(loss, nn.Module):
                loss = loss.to(image.device)
            values[name] = self.weights[name] * loss(image.float(), target.float())
        return values
