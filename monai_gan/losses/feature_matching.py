"""What patch discriminators return, brought to one form, and the loss that matches their features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Judgement(NamedTuple):
    """What a discriminator says of a batch.

    Attributes:
        logits: one tensor per scale.
        features: one list of feature maps per scale, fine to coarse; empty where the discriminator shows none.
    """

    logits: list[Tensor]
    features: list[list[Tensor]]


def judgement(output: Any) -> Judgement:
    """Read what a discriminator returned.

    Args:
        output: a tensor of logits; a list of features that ends in the logits (MONAI's ``PatchDiscriminator``); or a
            pair of a list of logits and a list of lists of features (MONAI's ``MultiScalePatchDiscriminator``).

    Raises:
        TypeError: for anything else.
    """
    if isinstance(output, Tensor):
        return Judgement([output], [[]])
    if isinstance(output, tuple | list) and output:
        if all(isinstance(one, Tensor) for one in output):
            return Judgement([output[-1]], [list(output[:-1])])
        if len(output) == 2 and all(isinstance(one, Sequence) for one in output):
            return Judgement(list(output[0]), [list(features) for features in output[1]])
    raise TypeError(
        f"The discriminator returned a {type(output).__name__} that is neither logits, nor features that end in "
        "logits, nor a pair of both as lists; wrap it so that it returns one of these."
    )


def feature_matching_loss(fake: Judgement, real: Judgement) -> Tensor:
    """Mean absolute difference of the discriminator's features of generated and real images (Wang et al. 2018, eq. 4).

    Each feature map counts alike, whatever its size; scales are averaged.

    Args:
        fake: of generated images; the gradient goes here.
        real: of real images, of the same discriminator; taken as constants.

    Returns:
        A scalar, float32.

    Raises:
        ValueError: when the discriminator shows no features.
    """
    distances = [
        (one.float() - other.detach().float()).abs().mean()
        for one_scale, other_scale in zip(fake.features, real.features, strict=True)
        for one, other in zip(one_scale, other_scale, strict=True)
    ]
    if not distances:
        raise ValueError(
            "The discriminator shows no features to match: use MONAI's PatchDiscriminator or "
            "MultiScalePatchDiscriminator, or set feature_matching_weight=0."
        )
    return torch.stack(distances).mean()
