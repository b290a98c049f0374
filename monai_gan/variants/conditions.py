"""What conditional variants share: the conditions of a batch, checked, and those of the images that are made for it."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.networks.blocks.conditioning import check_label
from monai_gan.variants.base import Batch
from monai_gan.variants.step import Step

FakeLabels = Literal["batch", "uniform"]


class Condition(NamedTuple):
    """What a conditional network is told of N images.

    Attributes:
        label: classes (N,), or None.
        covariates: continuous values (N, K), or None.
    """

    label: Tensor | None
    covariates: Tensor | None = None

    @property
    def arguments(self) -> tuple[Tensor | None, ...]:
        """For a network's call; without covariates they are left out, so that networks need not know of them."""
        return (self.label,) if self.covariates is None else (self.label, self.covariates)


def condition_of(batch: Batch, num_classes: int, num_covariates: int = 0) -> Condition:
    """The condition of a batch, for networks of so many classes and covariates.

    Args:
        batch: ``"label"`` (N,) whole numbers where there are classes, ``"covariates"`` (N, K) where there are such.
        num_classes, num_covariates: of the networks; 0 for none.

    Raises:
        InputError: one is missing, has another shape, or a label is out of range (looked at on the CPU only).
    """
    return Condition(
        _labels(batch, num_classes) if num_classes else None,
        _covariates(batch, num_covariates) if num_covariates else None,
    )


def fake_condition(real: Condition, kind: FakeLabels, num_classes: int, step: Step) -> Condition:
    """The condition under which as many images are made as the batch holds.

    Args:
        real: condition of the batch.
        kind: ``"batch"`` takes it as it is, so that image i is compared with one of its own class; ``"uniform"`` draws
            classes that are all as likely, from the numbers of the step, and keeps the covariates.
        num_classes: of the networks.
        step: gives the numbers.
    """
    if kind == "batch" or real.label is None:
        return real
    draws = step.rand(len(real.label), device=real.label.device)
    return Condition((draws * num_classes).long().clamp(max=num_classes - 1), real.covariates)


def check_fake_labels(kind: str) -> None:
    """Refuse an unknown way to choose the classes of generated images."""
    if kind not in get_args(FakeLabels):
        raise ValueError(f"fake_labels={kind!r} is unknown: choose one of {', '.join(get_args(FakeLabels))}.")


def _labels(batch: Batch, num_classes: int) -> Tensor:
    label = batch.get("label")
    if not isinstance(label, Tensor):
        raise InputError(
            f"The batch has no 'label', but the variant has {num_classes} classes: give images with classes (a folder "
            "per class, or 'labels' in the .npz), or train an unconditional variant."
        )
    label = label.flatten() if label.dim() == 2 and label.shape[1] == 1 else label
    try:
        check_label(label, num_classes)
    except ValueError as error:
        raise InputError(f"{error} Set num_classes of generator and discriminator, or correct the labels.") from error
    return label


def _covariates(batch: Batch, num_covariates: int) -> Tensor:
    covariates = batch.get("covariates")
    if not isinstance(covariates, Tensor) or covariates.shape[1:] != (num_covariates,):
        found = "none" if not isinstance(covariates, Tensor) else f"the shape {tuple(covariates.shape)}"
        raise InputError(
            f"The variant needs 'covariates' (N, {num_covariates}), the batch has {found}: give that many values per "
            "image, or set num_covariates of generator and discriminator."
        )
    if covariates.device.type == "cpu" and not bool(torch.isfinite(covariates).all()):
        raise InputError("'covariates' of the batch hold NaN or infinite values: fill or leave out such images.")
    return covariates.float()
