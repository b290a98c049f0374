"""The volumes that figures of translation are measured on, prepared as the bundle itself prepares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Compose, EnsureChannelFirst, LoadImage, Orientation
from torch import Tensor

from benchmarks.pair_measures import TISSUE, Pair
from monai_gan.data import volume_pairs


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


def load_pairs(train: ConfigParser, case: Case) -> list[Pair]:
    """The pairs of a case through the volume transforms of a bundle's training configuration."""
    found = train.get_parsed_content("train::pairs", instantiate=False)
    arguments = {name: value for name, value in found.items() if name not in ("_target_", "split")}
    samples = volume_pairs(**arguments, split=case.split)  # type: ignore[arg-type]
    prepare = Compose(train.get_parsed_content("train::volumes"))
    return [_pair(sample, prepare, case) for sample in samples]


def _pair(sample: dict[str, Any], prepare: Compose, case: Case) -> Pair:
    ready: Any = prepare(sample if case.margin is None else {**sample, "margin": case.margin})
    image, target = (unit(ready[key]) for key in ("image", "target"))
    mask = target > TISSUE
    if case.within_mask:
        mask &= _mask(sample["mask"])
    lesion = _mask(sample["lesion"]) if "lesion" in sample else None
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
