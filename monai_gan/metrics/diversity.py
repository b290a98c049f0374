"""How different the images of a set are from each other."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.checks import check_count, check_images, check_range
from monai_gan.ops import ms_ssim
from monai_gan.ops.ms_ssim import SCALE_WEIGHTS

#: Side of the Gaussian window.
WINDOW = 11


def mean_pairwise_distance(images: Tensor) -> float:
    """Mean Euclidean distance of all pairs of images (N, C, *S), N of at least 2, in the units of the pixels."""
    return float(torch.pdist(images.detach().flatten(1).float().cpu()).mean())


def ms_ssim_diversity(
    images: Tensor,
    *,
    value_range: tuple[float, float] = (-1.0, 1.0),
    pairs: int = 500,
    seed: int = 0,
    batch_size: int = 64,
) -> float:
    """Mean multi-scale structural similarity of random pairs of images (Odena et al. 2017, section 4.2).

    Low is diverse, 1 is the same image again and again. It is no measure of quality, noise is diverse too: read it
    beside the figure of real images. Images too small for five scales have fewer, with the weights of those: as many as
    a window of 11 pixels fits, three from 44 pixels, two from 22, below that one, and a smaller window below 11.

    Args:
        images: (N, C, *S) in 2-D or 3-D.
        value_range: smallest and largest value of an image.
        pairs: pairs of different images; all of them where there are no more.
        seed: of the pairs.
        batch_size: pairs that are compared at once.

    Returns:
        The mean, 0..1.

    Raises:
        InputError: if there are fewer than two images, or they are not finite or beyond the range.
    """
    images = check_images(images, "images", value_range)
    check_count(len(images), "images", 2)
    if pairs < 1:
        raise InputError(f"pairs={pairs} leaves nothing to compare; give 1 or more.")
    low, high = check_range(value_range)
    weights, window = scales_for(min(images.shape[2:]))
    first, second = _pairs(len(images), pairs, torch.Generator().manual_seed(seed))
    total = 0.0
    for i, j in zip(first.split(batch_size), second.split(batch_size), strict=True):
        similarity = ms_ssim(
            images[i].float() - low,
            images[j].float() - low,
            weights=weights,
            data_range=high - low,
            win_size=window,
        )
        total += float(similarity.double().sum())
    return total / len(first)


def scales_for(side: int) -> tuple[tuple[float, ...], int]:
    """Weights of the scales and side of the window for images whose shortest side is ``side``."""
    window = min(WINDOW, side - 1 + side % 2)  # odd
    scales = len(SCALE_WEIGHTS)
    # Both must hold: that the window fits the coarsest scale, and MONAI's check of the size, so that figures compare.
    while scales > 1 and (side >> (scales - 1) < window or side // (scales - 1) ** 2 < window):
        scales -= 1
    total = sum(SCALE_WEIGHTS[:scales])
    return tuple(weight / total for weight in SCALE_WEIGHTS[:scales]), window


def _pairs(count: int, wanted: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Different pairs of different images, (pairs,) each."""
    if count * (count - 1) // 2 <= wanted:
        first, second = torch.triu_indices(count, count, 1)
        return first, second
    # Each image with the next one in a random order, then with the one after next and so on: no pair comes twice.
    order = torch.randperm(count, generator=generator)
    rounds = range(1, -(-wanted // count) + 1)
    return order.repeat(len(rounds))[:wanted], torch.cat([order.roll(-step) for step in rounds])[:wanted]
