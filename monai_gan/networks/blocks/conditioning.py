"""What a conditional network is told beside its input: a class and continuous covariates such as age, as one vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from monai_gan.networks.blocks.resolution import check_positive


class ConditionEmbedding(nn.Module):
    """The sum of an embedding of the class and a linear map of the covariates.

    Covariates are expected standardised over the training images, so that zero stands for their mean.

    Args:
        embedding_size: length E of the vector.
        num_classes: classes, numbered from 0; 0 for none.
        num_covariates: continuous values per image; 0 for none.

    Raises:
        ValueError: when a number is not possible or there is nothing to embed.
    """

    def __init__(self, embedding_size: int, num_classes: int = 0, num_covariates: int = 0) -> None:
        super().__init__()
        check_positive(embedding_size=embedding_size)
        if min(num_classes, num_covariates) < 0 or num_classes + num_covariates == 0:
            raise ValueError(
                f"num_classes={num_classes} and num_covariates={num_covariates} give no condition: "
                "give at least one class or covariate, or use an unconditional network."
            )
        self.embedding_size = embedding_size
        self.num_classes = num_classes
        self.num_covariates = num_covariates
        self.classes = nn.Embedding(max(num_classes, 1), embedding_size) if num_classes else None
        self.values = nn.Linear(num_covariates, embedding_size, bias=not num_classes) if num_covariates else None

    def forward(self, label: Tensor | None = None, covariates: Tensor | None = None) -> Tensor:
        """Embed conditions.

        Args:
            label: classes (N,), whole numbers.
            covariates: (N, num_covariates), standardised.

        Returns:
            Vectors (N, embedding_size).

        Raises:
            ValueError: a condition is missing or not taken, a label is out of range, or the covariates have another
                shape.
        """
        condition = torch.zeros(1)
        if self.classes is not None:
            if label is None:
                raise ValueError(f"label is missing: give classes from 0 to {self.num_classes - 1}, one per image.")
            check_label(label, self.num_classes)
            condition = self.classes(label)
        elif label is not None:
            raise ValueError("label was given to a network without classes: leave it out.")
        if self.values is not None:
            if covariates is None:
                raise ValueError(f"covariates are missing: give (N, {self.num_covariates}), standardised.")
            if covariates.dim() != 2 or covariates.shape[1] != self.num_covariates:
                raise ValueError(
                    f"covariates of shape {list(covariates.shape)} do not fit num_covariates={self.num_covariates}: "
                    f"give (N, {self.num_covariates})."
                )
            linear: Tensor = self.values(covariates)
            condition = linear if self.classes is None else condition + linear
        elif covariates is not None:
            raise ValueError("covariates were given to a network without them: leave them out.")
        return condition


def check_label(label: Tensor, num_classes: int) -> None:
    """Refuse anything but whole numbers (N,) from 0 to ``num_classes - 1``. Scriptable.

    The range is looked at on the CPU only; reading it on a GPU would wait for the GPU.

    Raises:
        ValueError: when shape, type or range differ.
    """
    if label.dim() != 1 or label.is_floating_point():
        raise ValueError(
            f"label of shape {list(label.shape)} and type {label.dtype} holds no classes: give whole numbers (N,)."
        )
    if label.device.type == "cpu" and label.numel() > 0:
        low, high = int(label.min()), int(label.max())
        if low < 0 or high >= num_classes:
            raise ValueError(
                f"label={low if low < 0 else high} is out of range: the network knows classes 0 to {num_classes - 1}."
            )


def cycled_labels(n: int, num_classes: int, device: torch.device) -> Tensor:
    """The classes 0, 1 ... in turn (n,): what is shown where nobody asks for a class. Scriptable."""
    return torch.arange(n, device=device) % num_classes
