"""What a network is conditioned on: a class, continuous covariates, or both, as one vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConditionVector(nn.Module):
    """Classes to one-hot vectors, followed by the covariates.

    Args:
        num_classes: number of classes; 0 for none.
        num_covariates: continuous values per sample, such as a scaled age; 0 for none.

    Attributes:
        size: length of the vector, 0 for a network without a condition.
    """

    def __init__(self, num_classes: int = 0, num_covariates: int = 0) -> None:
        super().__init__()
        for name, number in (("num_classes", num_classes), ("num_covariates", num_covariates)):
            if number < 0:
                raise ValueError(f"{name}={number} is not possible: give 0 or more.")
        self.num_classes = num_classes
        self.num_covariates = num_covariates
        self.size = num_classes + num_covariates

    def forward(self, label: Tensor | None, n: int) -> Tensor | None:
        """Make the vectors of n samples.

        Args:
            label: class numbers (N,), or the whole vectors (N, num_classes + num_covariates), one-hot part first; None
                for a network without a condition.
            n: number of samples.

        Returns:
            (N, size), float32, or None for a network without a condition.

        Raises:
            ValueError: a condition is missing, given where there is none, or has another shape.
        """
        if not self.size:
            if label is not None:
                raise ValueError(
                    "label was given to a network without a condition: leave it out, or build the network with "
                    "num_classes or num_covariates."
                )
            return None
        if label is None:
            raise ValueError(f"label is missing: give {self._wanted(n)}.")
        if label.ndim == 1 and not label.is_floating_point() and not self.num_covariates and len(label) == n:
            return self.one_hot(label)
        if label.shape != (n, self.size) or not label.is_floating_point():
            raise ValueError(
                f"label of type {label.dtype} and shape {tuple(label.shape)} does not fit: give {self._wanted(n)}."
            )
        return label.to(torch.float32)

    def one_hot(self, label: Tensor) -> Tensor:
        """Class numbers (N,) to vectors (N, num_classes), float32.

        Raises:
            ValueError: a number on the CPU is no class; looking at those on a GPU would wait for it.
        """
        if (
            label.device.type == "cpu"
            and len(label)
            and not 0 <= int(label.min()) <= int(label.max()) < self.num_classes
        ):
            raise ValueError(f"label holds numbers outside 0 .. {self.num_classes - 1}: give class numbers.")
        return (label.unsqueeze(1) == torch.arange(self.num_classes, device=label.device)).to(torch.float32)

    def turns(self, like: Tensor) -> Tensor | None:
        """What is shown where nobody asks for a condition: the classes in turn, covariates of 0; None without one."""
        if not self.size:
            return None
        vectors = like.new_zeros(len(like), self.size, dtype=torch.float32)
        if self.num_classes:
            vectors[:, : self.num_classes] = self.one_hot(
                torch.arange(len(like), device=like.device) % self.num_classes
            )
        return vectors

    def _wanted(self, n: int) -> str:
        vectors = (
            f"vectors ({n}, {self.size}) of {self.num_classes} one-hot values and {self.num_covariates} covariates"
        )
        return vectors if self.num_covariates else f"class numbers ({n},) below {self.num_classes}, or {vectors}"
