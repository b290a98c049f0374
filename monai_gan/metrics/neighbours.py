"""Nearest neighbours of features, and of images after alignment by small translations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.checks import check_images, check_rows

#: Entries of a distance matrix that are held at once in float64.
BLOCK = 2**23


def squared_distances(x: Tensor, y: Tensor) -> Iterator[Tensor]:
    """Squared Euclidean distances of features (n, F) to features (m, F): blocks (rows, m) in float64, in order."""
    # Centred, so that little is lost where distances are small beside the features themselves.
    centre = y.double().mean(dim=0)
    x, y = x.double() - centre, y.to(x.device).double() - centre
    norms = y.square().sum(dim=1)
    for rows in x.split(max(BLOCK // len(y), 1)):
        yield torch.addmm(norms[None], rows, y.T, alpha=-2).add_(rows.square().sum(dim=1)[:, None]).clamp_(min=0)


def aligned_distances(x: Tensor, y: Tensor, max_shift: int) -> Iterator[Tensor]:
    """Mean squared differences of images to images at the best translation, in blocks (rows, M), in order.

    The middle of each image of ``x`` is laid on every place of each image of ``y`` that is up to ``max_shift`` pixels
    away, along each axis.

    Args:
        x: images (N, C, *S).
        y: images (M, C, *S).
        max_shift: pixels, 0 or more.

    Raises:
        InputError: if the images are too small for the shift, or of different shapes.
    """
    size = x.shape[2:]
    if x.shape[1:] != y.shape[1:]:
        raise InputError(f"images of {tuple(x.shape[1:])} cannot be compared with images of {tuple(y.shape[1:])}.")
    if max_shift < 0 or min(size) <= 2 * max_shift:
        raise InputError(
            f"max_shift={max_shift} does not fit images of {tuple(size)}; give 0 to {(min(size) - 1) // 2} pixels."
        )
    middle = _window(size, max_shift, [max_shift] * len(size))
    # Centred, so that little is lost where differences are small beside the images themselves.
    centre = y[middle].mean(dim=0).flatten()
    x = x[middle].flatten(1) - centre
    for rows in x.split(max(BLOCK // len(y), 1)):
        best = rows.new_full((len(rows), len(y)), float("inf"))
        for corner in product(range(2 * max_shift + 1), repeat=len(size)):
            moved = y[_window(size, max_shift, corner)].flatten(1) - centre
            squares = torch.addmm(moved.square().sum(dim=1)[None], rows, moved.T, alpha=-2)
            torch.minimum(best, squares, out=best)
        yield best.add_(rows.square().sum(dim=1)[:, None]).clamp_(min=0) / x.shape[1]


def _window(size: Sequence[int], max_shift: int, corner: Sequence[int]) -> tuple[slice, ...]:
    """The part of images (N, C, *size) without a margin that begins at a corner."""
    sides = (slice(start, start + length - 2 * max_shift) for start, length in zip(corner, size, strict=True))
    return (slice(None), slice(None), *sides)


def nearest_neighbours(x: Tensor, y: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """The rows of ``y`` that are nearest to each row of ``x``.

    Args:
        x: features (n, F).
        y: features (m, F).
        k: neighbours, at most m.

    Returns:
        Euclidean distances (n, k), float64, nearest first, and their places in ``y`` (n, k).

    Raises:
        InputError: if the features are not finite, of different widths, or ``k`` does not fit.
    """
    x = check_rows(x, "x")
    y = check_rows(y, "y", x.shape[1])
    return _nearest(squared_distances(x, y), k, len(y))


def nearest_images(x: Tensor, y: Tensor, k: int = 1, *, max_shift: int = 0) -> tuple[Tensor, Tensor]:
    """The images of ``y`` that are nearest to each image of ``x`` after alignment by small translations.

    Args:
        x: images (N, C, *S).
        y: images (M, C, *S).
        k: neighbours, at most M.
        max_shift: pixels of translation along each axis that are undone; the margin is not compared.

    Returns:
        Root mean square differences (N, k) in the units of the images, nearest first, and their places in ``y``.

    Raises:
        InputError: if the images are not finite, of different shapes, too small for the shift, or ``k`` does not fit.
    """
    x, y = check_images(x, "x").float(), check_images(y, "y").float().to(x.device)
    return _nearest(aligned_distances(x, y, max_shift), k, len(y))


def kth_distances(x: Tensor, k: int) -> Tensor:
    """Squared distance of each row of ``x`` to its k-th nearest other row, (n,) float64."""
    # Each row finds itself too.
    return torch.cat([block.kthvalue(k + 1, dim=1).values for block in squared_distances(x, x)])


def _nearest(blocks: Iterator[Tensor], k: int, count: int) -> tuple[Tensor, Tensor]:
    if not 1 <= k <= count:
        raise InputError(f"k={k} neighbours cannot be found among {count}; give 1 to {count}.")
    found = [block.topk(k, dim=1, largest=False) for block in blocks]
    return torch.cat([one.values for one in found]).sqrt(), torch.cat([one.indices for one in found])
