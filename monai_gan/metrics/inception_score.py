"""Inception score from the class probabilities of any classifier (Salimans et al. 2016, section 4)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.checks import check_count, check_rows


class InceptionScore(NamedTuple):
    """Mean and standard deviation of the score over the splits; 1 is worst, the number of classes is best."""

    mean: float
    sd: float


def inception_score(probabilities: Tensor, splits: int = 10) -> InceptionScore:
    """How sure a classifier is of single images while the classes differ over the set: ``exp(E KL(p(y|x) | p(y)))``.

    It looks at synthetic images only, and through the classes that the classifier knows: a score of another classifier,
    or of a set with other classes, is another figure.

    Args:
        probabilities: (n, classes), rows that sum to 1, in the order in which the images were drawn.
        splits: consecutive parts of equal size, each with a score.

    Raises:
        InputError: if the rows are no probabilities or there are fewer images than splits.
    """
    probabilities = check_rows(probabilities, "probabilities").double()
    if splits < 1:
        raise InputError(f"splits={splits} leaves no part of the images; give 1 or more.")
    check_count(len(probabilities), "probabilities", splits)
    if (probabilities < 0).any() or ((probabilities.sum(dim=1) - 1).abs() > 1e-3).any():
        raise InputError("probabilities: rows that are negative or do not sum to 1; pass softmax(logits, dim=1).")
    scores = torch.stack([_score(part) for part in probabilities.tensor_split(splits)])
    return InceptionScore(float(scores.mean()), float(scores.std(unbiased=False)))


def _score(p: Tensor) -> Tensor:
    # xlogy takes 0 log 0 as 0.
    information = (torch.xlogy(p, p) - torch.xlogy(p, p.mean(dim=0))).sum(dim=1)
    return information.mean().exp()
