"""Rigid alignment of two volumes of one head by mutual information (Viola and Wells 1997; Maes et al. 1997)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import affine_transform, map_coordinates
from scipy.optimize import minimize

#: Points at which the volumes are compared; more do not change the result.
POINTS = 40_000
#: Bins per volume of the joint histogram.
BINS = 32
#: Bounds of the search in mm and in degrees.
FARTHEST, STEEPEST = 6.0, 5.0
#: Evaluations that the search may take.
EVALUATIONS = 400


def rigid_fit(fixed: np.ndarray, moving: np.ndarray, inside: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """Find the rigid motion that brings a volume onto another one of nearly the same place.

    Args:
        fixed: the volume (X, Y, Z) that stays.
        moving: the volume (X, Y, Z) that is moved.
        inside: where the two are compared (X, Y, Z).
        spacing: millimetres per voxel along each axis.

    Returns:
        Shifts in mm and angles in degrees, (6,); all 0 where nothing better is found.
    """
    voxels = np.argwhere(inside)
    chosen = np.random.RandomState(0).choice(len(voxels), min(POINTS, len(voxels)), replace=False)
    # Points between the voxels: on them, an unmoved volume is not interpolated, and looks better than it is.
    places = voxels[chosen] + np.random.RandomState(1).uniform(-0.5, 0.5, (len(chosen), 3))
    values = _binned(map_coordinates(fixed, places.T, order=1))
    low, high = np.percentile(moving[inside], (1, 99))

    def unlikeness(motion: np.ndarray) -> float:
        moved = map_coordinates(moving, moved_places(places, motion, fixed.shape, spacing).T, order=1)
        return -_mutual_information(values, _binned(moved, low, high))

    bounds = [(-FARTHEST, FARTHEST)] * 3 + [(-STEEPEST, STEEPEST)] * 3
    options = {"maxfev": EVALUATIONS, "xtol": 0.02, "ftol": 1e-5}
    found = minimize(unlikeness, np.zeros(6), method="Powell", bounds=bounds, options=options)
    return np.asarray(found.x) if found.fun < unlikeness(np.zeros(6)) else np.zeros(6)


def moved_places(places: np.ndarray, motion: np.ndarray, shape: Sequence[int], spacing: Sequence[float]) -> np.ndarray:
    """Voxel coordinates (n, 3) of the moving volume that come to lie at those of the fixed one."""
    turn, shift = _turn_and_shift(motion, shape, spacing)
    return places @ turn.T + shift


def move(volume: np.ndarray, motion: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """A volume (X, Y, Z) after the motion, interpolated by cubic splines and within its own range."""
    turn, shift = _turn_and_shift(motion, volume.shape, spacing)
    moved: np.ndarray = affine_transform(volume.astype(np.float32), turn, shift, order=3)
    return moved.clip(volume.min(), volume.max())


def _turn_and_shift(
    motion: np.ndarray, shape: Sequence[int], spacing: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """The motion as a map of voxel coordinates, which turns about the middle."""
    step = np.asarray(spacing, dtype=np.float64)
    middle = (np.asarray(shape) - 1) / 2
    turn = np.eye(3)
    for axis, angle in enumerate(np.radians(motion[3:])):
        one, other = [k for k in range(3) if k != axis]
        about = np.eye(3)
        about[one, one] = about[other, other] = np.cos(angle)
        about[one, other], about[other, one] = -np.sin(angle), np.sin(angle)
        turn = about @ turn
    turn = turn * step / step[:, None]
    return turn, middle - turn @ middle + motion[:3] / step


def _binned(values: np.ndarray, low: float | None = None, high: float | None = None) -> np.ndarray:
    if low is None or high is None:
        low, high = np.percentile(values, (1, 99))
    return ((values - low) / max(high - low, 1e-12) * BINS).astype(int).clip(0, BINS - 1)


def _mutual_information(one: np.ndarray, other: np.ndarray) -> float:
    joint = np.bincount(one * BINS + other, minlength=BINS * BINS).reshape(BINS, BINS) / len(one)
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    present = joint > 0
    return float((joint[present] * np.log(joint[present] / independent[present])).sum())
