"""Artificial anomalies with the truth of every pixel, to test detectors where no diseased images are at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from monai_gan.data.body import body_mask
from monai_gan.errors import InputError

AnomalyKind = Literal["blob", "patch", "deformation"]
ANOMALY_KINDS: tuple[AnomalyKind, ...] = ("blob", "patch", "deformation")
#: Least change of a pixel, in image units, that counts as truth: nobody could see less.
VISIBLE = 0.04

_Array = np.ndarray


class InsertedAnomaly(NamedTuple):
    """An image with an anomaly.

    Attributes:
        image: (1, *S), float32 in [-1, 1].
        mask: (1, *S), bool, the pixels that changed visibly.
        kind: what was inserted.
    """

    image: Tensor
    mask: Tensor
    kind: str


def insert_anomaly(
    image: Tensor, kind: AnomalyKind, seed: int, donor: Tensor | None = None, size: tuple[float, float] = (0.06, 0.14)
) -> InsertedAnomaly:
    """Insert one anomaly inside the body, the same for the same arguments.

    ``"blob"`` makes an ellipsoid with soft borders brighter or darker by 0.3 to 0.6 of the range of 2; ``"patch"``
    mixes in the same place of another image, turned by half; ``"deformation"`` swells or shrinks the surroundings of a
    point.

    Args:
        image: (1, *S) in [-1, 1], 2-D or 3-D.
        kind: which.
        seed: of place, size and strength.
        donor: another image of that shape, for ``"patch"``.
        size: least and largest radius as a share of the image's shortest side.

    Raises:
        InputError: an unknown kind, an image of another shape, or a patch without a donor.
    """
    if kind not in ANOMALY_KINDS:
        raise InputError(f"kind={kind!r} is unknown: choose one of {', '.join(ANOMALY_KINDS)}.")
    if image.ndim not in (3, 4) or len(image) != 1:
        raise InputError(f"an image of shape {tuple(image.shape)} is not possible: give one channel, (1, *S).")
    if kind == "patch" and (donor is None or donor.shape != image.shape):
        raise InputError("kind='patch' needs a donor of the image's shape: give another image.")
    values = image[0].detach().as_subclass(Tensor).cpu().float().numpy()
    inside = ndimage.binary_erosion(body_mask(image)[0].numpy(), iterations=2)
    changed = values
    for attempt in range(20):
        rng = np.random.Generator(np.random.PCG64((seed, attempt)))
        shape = _ellipsoid(inside, rng, size)
        foreign = None if donor is None else donor[0].detach().as_subclass(Tensor).cpu().float().numpy()
        changed = np.clip(_CHANGES[kind](values, shape, foreign, rng), -1, 1).astype(np.float32)
        mask = np.abs(changed - values) > VISIBLE
        # A place where nothing can be seen to change, such as air that is deformed, is no anomaly: try the next one.
        if mask.sum() >= 0.3 * (shape > 0.5).sum():
            break
    return InsertedAnomaly(torch.from_numpy(changed)[None], torch.from_numpy(mask)[None], kind)


def _ellipsoid(inside: _Array, rng: np.random.Generator, size: tuple[float, float]) -> _Array:
    """1 in an ellipsoid around a random point of the body, falling to 0 over its border."""
    places = np.argwhere(inside) if inside.any() else np.argwhere(np.ones_like(inside))
    centre = places[rng.integers(len(places))]
    radii = rng.uniform(*size, size=inside.ndim) * min(inside.shape)
    distance = np.sqrt(
        sum(((grid - c) / r) ** 2 for grid, c, r in zip(np.indices(inside.shape), centre, radii, strict=True))
    )
    return np.clip((1.25 - distance) / 0.5, 0, 1)


def _blob(values: _Array, shape: _Array, foreign: _Array | None, rng: np.random.Generator) -> _Array:
    level = float((values * shape).sum() / shape.sum())
    sign = 1 if level < -0.3 else -1 if level > 0.6 else rng.choice((-1, 1))
    return values + sign * rng.uniform(0.3, 0.6) * shape


def _patch(values: _Array, shape: _Array, foreign: _Array | None, rng: np.random.Generator) -> _Array:
    assert foreign is not None  # checked by the caller
    return values + rng.uniform(0.6, 1.0) * shape * (np.flip(foreign) - values)


def _deformation(values: _Array, shape: _Array, foreign: _Array | None, rng: np.random.Generator) -> _Array:
    grids = np.indices(values.shape).astype(float)
    weight = shape / shape.sum()
    centre = [float((grid * weight).sum()) for grid in grids]
    soft = ndimage.gaussian_filter(shape, 1.0)
    strength = rng.choice((-0.6, 0.5))
    moved = [grid + strength * soft * (grid - c) for grid, c in zip(grids, centre, strict=True)]
    return ndimage.map_coordinates(values, moved, order=1, mode="nearest")


_CHANGES: dict[str, Callable[[_Array, _Array, _Array | None, np.random.Generator], _Array]] = {
    "blob": _blob,
    "patch": _patch,
    "deformation": _deformation,
}
