"""Two generators that undo each other behind one face."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TwoWayGenerator(nn.Module):
    """The inference network of a CycleGAN: the label tells the direction.

    Args:
        generator: images of the first kind to the second, label 0.
        inverse_generator: images of the second kind to the first, label 1.
    """

    def __init__(self, generator: nn.Module, inverse_generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.inverse_generator = inverse_generator

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Translate images.

        Args:
            image: (N, C, *S).
            label: (N,), 0 or 1; None: 0 for all.

        Returns:
            Images (N, C', *S).

        Raises:
            ValueError: a label is neither 0 nor 1.
        """
        if label is None:
            label = torch.zeros(len(image), dtype=torch.long, device=image.device)
        backwards = label == 1
        if not bool((backwards | (label == 0)).all()):
            raise ValueError("label must hold 0 (there) or 1 (back).")
        if bool(backwards.all()):
            result: Tensor = self.inverse_generator(image)
        elif bool(backwards.any()):
            back: Tensor = self.inverse_generator(image)
            shape = [len(label)] + [1] * (back.dim() - 1)
            result = torch.where(backwards.view(shape), back, self.generator(image))
        else:
            result = self.generator(image)
        return result
