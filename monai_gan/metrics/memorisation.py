"""Whether a generator repeats its training images: are samples nearer to these than to images it never saw?"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.checks import check_count, check_images, check_pair, check_rows
from monai_gan.metrics.neighbours import aligned_distances, squared_distances

#: Random exchanges of training and held-out images behind ``Memorisation.chance``.
EXCHANGES = 200
#: Two-sided 95 % quantile of the standard normal distribution.
Z95 = 1.959964


@dataclass(frozen=True)
class Memorisation:
    """How often the nearest training image is nearer to a sample than the nearest held-out one.

    Attributes:
        share: 0..1; 0.5 is expected of a generator that learnt the distribution and no single image, 1 of copies.
        interval: 95 % binomial (Wilson) interval of the share; it tells how far the number of samples pins it down.
        chance: range that holds 95 % of the shares when training and held-out images change places at random; it tells
            how far 0.5 moves by the choice of images. A share above it is a sign of memorisation.
        samples: number of samples.
        blocks: parts of the training images, each as large as the set of held-out ones, over which the share is a mean.
        block_size: images in a part.
    """

    share: float
    interval: tuple[float, float]
    chance: tuple[float, float]
    samples: int
    blocks: int
    block_size: int


def memorisation(fake: Tensor, train: Tensor, held_out: Tensor, *, seed: int = 0) -> Memorisation:
    """Compare distances to training and to held-out images in a feature space.

    Both kinds of images must come from one distribution and, where persons are known, from different ones. The training
    images are compared in random parts as large as the set of held-out images, all of them, because the nearest of many
    is nearer than the nearest of few.

    Args:
        fake: features of samples (n, F).
        train: features of the images that the model was trained on (N, F).
        held_out: features of images that no training has seen (m, F).
        seed: of the parts and exchanges.

    Warns:
        UserWarning: if all samples have the same features.

    Raises:
        InputError: if a set is empty, not finite, of another width, or the held-out images are constant.
    """
    fake, held_out = check_pair(fake, held_out, ("fake", "held_out"))
    train = check_rows(train, "train", fake.shape[1]).to(fake.device)
    everything = torch.cat([train.double(), held_out.double()])
    return _memorisation(squared_distances(fake, everything), len(train), len(held_out), seed)


def memorisation_pixels(
    fake: Tensor, train: Tensor, held_out: Tensor, *, max_shift: int = 2, seed: int = 0
) -> Memorisation:
    """Compare distances to training and to held-out images pixel by pixel, after alignment by small translations.

    Args:
        fake: samples (n, C, *S).
        train: images that the model was trained on (N, C, *S).
        held_out: images that no training has seen (m, C, *S).
        max_shift: pixels of translation along each axis that are undone.
        seed: of the parts and exchanges.

    Raises:
        InputError: if a set is empty, not finite, of another shape, or too small for the shift.
    """
    fake, train, held_out = (
        check_images(images, name).float()
        for images, name in ((fake, "fake"), (train, "train"), (held_out, "held_out"))
    )
    if train.shape[1:] != held_out.shape[1:]:
        raise InputError(
            f"train: images of {tuple(train.shape[1:])} beside held-out images of {tuple(held_out.shape[1:])}; bring "
            "both to one shape."
        )
    everything = torch.cat([train, held_out]).to(fake.device)
    return _memorisation(aligned_distances(fake, everything, max_shift), len(train), len(held_out), seed)


def _memorisation(distances: Iterable[Tensor], train: int, held_out: int, seed: int) -> Memorisation:
    """The figures from the distances of each sample to training and then held-out images, in blocks of rows."""
    check_count(train, "train", 2)
    check_count(held_out, "held_out", 2)
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.cat([block.float().cpu() for block in distances])
    size = min(train, held_out)
    blocks = train // size
    # The parts of the training images, then as many held-out ones.
    order = torch.cat([_some(train, blocks * size, generator), train + _some(held_out, size, generator)])
    matrix = matrix[:, order]
    share = _share(matrix, size)
    exchanged = torch.tensor(
        [_share(matrix[:, torch.randperm(len(order), generator=generator)], size) for _ in range(EXCHANGES)]
    )
    low, high = (float(v) for v in exchanged.quantile(torch.tensor([0.025, 0.975])))
    return Memorisation(share, wilson_interval(share, len(matrix)), (low, high), len(matrix), blocks, size)


def _some(count: int, wanted: int, generator: torch.Generator) -> Tensor:
    return torch.randperm(count, generator=generator)[:wanted]


def _share(matrix: Tensor, size: int) -> float:
    """Share of samples that are nearer to a part than to the last one, as a mean over the parts; ties count half."""
    nearest = matrix.unflatten(1, (-1, size)).amin(dim=2)
    train, held_out = nearest[:, :-1], nearest[:, -1:]
    return float((train < held_out).double().mean() + 0.5 * (train == held_out).double().mean())


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share that was seen in ``n`` independent trials (Wilson 1927)."""
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    reach = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    return max(centre - reach, 0.0), min(centre + reach, 1.0)
