"""The volumes that figures of translation are measured on, prepared as the bundle itself prepares them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Compose, EnsureChannelFirst, LoadImage, Orientation, Transform
from torch import Tensor

from benchmarks.pair_measures import TISSUE, Pair
from monai_gan.bundle import load_config
from monai_gan.data import volume_pairs
from monai_gan.transforms import AlignRigidd, KeepInsided


@dataclass(frozen=True)
class Case:
    """One kind of input that figures are given for.

    Attributes:
        name: for tables.
        split: part of the data.
        margin: mm around the brain mask that are kept; None leaves the volume as it is in the set.
        within_mask: whether figures count within the brain mask only, for volumes that show the whole head.
    """

    name: str
    split: str
    margin: float | None = None
    within_mask: bool = False


CASES = (
    Case("test, brain only", "test"),
    Case("val, whole head", "val", within_mask=True),
    Case("val, brain only", "val", margin=0.0),
)


def load_pairs(bundle: Path, case: Case, turned: bool = False, subject: str | None = None) -> list[Pair]:
    """The pairs of a case through the volume transforms of a bundle's training configuration.

    Args:
        bundle: with ``dataset_dir``, ``layout``, ``contrasts`` and ``train::volumes`` in its configuration.
        case: which.
        turned: take the target for the input, for the way back.
        subject: only this one's.
    """
    train = load_config(bundle, "train", trust=True)
    root, layout, contrasts = (train.get_parsed_content(key) for key in ("dataset_dir", "layout", "contrasts"))
    samples = volume_pairs(root, *contrasts, case.split, layout)
    prepare = _preparation(bundle)
    return [_pair(sample, prepare, case, turned) for sample in samples if subject in (None, sample["subject"])]


@cache
def _preparation(bundle: Path) -> Compose:
    """The volume transforms of a bundle; kept, because an alignment is searched once for all forms of a pair."""
    return Compose(_aligned(load_config(bundle, "train", trust=True).get_parsed_content("train::volumes")))


def _aligned(steps: Sequence[Transform]) -> list[Transform]:
    """The transforms with an alignment of the pair, which training without pairs does not need."""
    if any(isinstance(step, AlignRigidd) for step in steps):
        return list(steps)
    before = next(i for i, step in enumerate(steps) if isinstance(step, KeepInsided))
    return [*steps[:before], AlignRigidd("target", to="image"), *steps[before:]]


def _pair(sample: dict[str, Any], prepare: Compose, case: Case, turned: bool) -> Pair:
    ready: Any = prepare(sample if case.margin is None else {**sample, "margin": case.margin})
    image, target = (unit(ready[key]) for key in (("target", "image") if turned else ("image", "target")))
    mask = target > TISSUE
    if case.within_mask:
        mask &= _mask(sample["mask"])
    # Lesions are bright in what is made of T1 only.
    lesion = _mask(sample["lesion"]) if "lesion" in sample and not turned else None
    grid = ready["image"]
    spacing = tuple(grid.pixdim.tolist()) if isinstance(grid, MetaTensor) else (1.0,) * 3
    return Pair(image, target, mask, lesion, spacing)


def unit(volume: Tensor) -> np.ndarray:
    """A volume (1, X, Y, Z) in [-1, 1] as an array (X, Y, Z) in [0, 1]."""
    values: np.ndarray = (volume.as_subclass(Tensor)[0].float().numpy() + 1) / 2
    return values


def _mask(path: str) -> np.ndarray:
    load = Compose([LoadImage(image_only=True), EnsureChannelFirst(), Orientation("RAS", labels=None)])
    return np.asarray(torch.as_tensor(load(path))[0]) > 0
