"""A picture of a pair and of what a network made of it, in three planes."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.pair_measures import Pair

#: Pixels of the side of an image from which on it is shown as it is; smaller ones are enlarged by a whole number.
LEGIBLE = 128


def overview(pair: Pair, result: np.ndarray) -> torch.Tensor:
    """Input, result, target and difference (grey is none) as rows of four images (12, 1, H, W) in [-1, 1].

    The planes are axial, coronal and sagittal and go through the middle of what is shown; front and head are up.
    """
    middle = [int(np.median(places)) for places in np.nonzero(pair.mask)]
    # A little off the middle plane between the halves of the brain, where there is little to see.
    middle[0] += round(15 / pair.spacing[0])
    side = max(pair.image.shape)
    enlarged = np.ones((max(1, round(LEGIBLE / side)),) * 2)
    tiles = []
    for axis in (2, 1, 0):
        for volume in (pair.image, result, pair.target, (result - pair.target + 1) / 2):
            tile = np.rot90(np.take(volume, middle[axis], axis))
            missing = [side - size for size in tile.shape]
            edge = [(size // 2, size - size // 2) for size in missing]
            tiles.append(np.kron(np.pad(tile, edge, constant_values=float(tile[0, 0])), enlarged))
    return torch.from_numpy(np.stack(tiles)[:, None].astype(np.float32)) * 2 - 1
