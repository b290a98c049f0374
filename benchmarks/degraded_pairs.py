"""Volumes made worse as a scanner would, the volumes themselves, and what improves them without learning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from monai.bundle import ConfigParser
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Compose, RandRicianNoise
from scipy.ndimage import gaussian_filter, median_filter
from torch import Tensor

from benchmarks.pair_cases import unit
from benchmarks.pair_measures import TISSUE, Pair
from monai_gan.data import volume_pairs
from monai_gan.transforms import KSpaceTruncate

Rival = Callable[[Pair], np.ndarray]
#: In-plane factor of the super-resolution bundle.
FACTOR = 2
#: Standard deviation of the noise that figures are given for, as a share of the brightest voxel.
NOISE = 0.06


@dataclass(frozen=True)
class Degradation:
    """What was done to a volume, and what a network has to beat.

    Attributes:
        name: for tables.
        apply: makes a volume (1, X, Y, Z) in [0, 1] worse.
        rivals: name to what makes a result of a pair without learning.
    """

    name: str
    apply: Callable[[MetaTensor], MetaTensor]
    rivals: Mapping[str, Rival]


def degraded_pairs(train: ConfigParser, split: str, degradation: Degradation) -> list[Pair]:
    """One pair per volume of a part: what is left of it, and the volume; brain only where the set has it so."""
    prepare = Compose(train.get_parsed_content("train::volumes"))
    root, layout = train.get_parsed_content("dataset_dir"), train.get_parsed_content("layout")
    contrasts: list[str] = train.get_parsed_content("contrasts")
    pairs = []
    for contrast in contrasts:
        for sample in volume_pairs(root, contrast, contrast, split, layout):  # type: ignore[arg-type]
            ready: Any = prepare({key: value for key, value in sample.items() if key != "image"})
            pairs.append(_pair(ready["target"], degradation))
    return pairs


def _pair(volume: MetaTensor, degradation: Degradation) -> Pair:
    target = unit(volume)
    worse = degradation.apply(MetaTensor(torch.from_numpy(target)[None], affine=volume.affine))
    spacing = tuple(float(length) for length in worse.pixdim)
    return Pair(worse.as_subclass(Tensor)[0].numpy(), target, target > TISSUE, spacing=spacing)


def shown(pair: Pair) -> Pair:
    """The pair with its input on the grid of the target, for pictures."""
    factor = round(pair.target.shape[0] / pair.image.shape[0])
    spacing = (pair.spacing[0] / factor, pair.spacing[1] / factor, pair.spacing[2])
    return replace(pair, image=_repeated(pair.image, factor), spacing=spacing)


def truncated(volume: MetaTensor) -> MetaTensor:
    """The central half of k-space of each axial slice; a magnitude image is never negative."""
    result: MetaTensor = KSpaceTruncate((FACTOR, FACTOR, 1))(volume).clamp_min(0)
    return result


def noisy(volume: MetaTensor) -> MetaTensor:
    """Rician noise, the same each time."""
    add = RandRicianNoise(prob=1.0, std=NOISE, sample_std=False)
    add.set_random_state(0)
    result: MetaTensor = add(volume)
    return result


def zero_filled(pair: Pair) -> np.ndarray:
    """Sinc interpolation: the measured frequencies, and zeros for those that were not measured."""
    values = pair.image.astype(np.complex128)
    for axis in (0, 1):
        values = _filled(values, axis)
    result: np.ndarray = values.real.astype(np.float32)
    return result


def _filled(values: np.ndarray, axis: int) -> np.ndarray:
    """Twice as many samples of one axis, in the same box: the first lies a quarter of a sample further out."""
    kept = values.shape[axis]
    size = kept * FACTOR
    number = np.arange(kept) - kept // 2
    phase = np.exp(-2j * np.pi * number * (FACTOR - 1) / 2 / size)
    central = np.fft.fftshift(np.fft.fft(values, axis=axis), axes=axis)
    central = central * phase.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    widths = [(size // 2 - kept // 2, size - kept - (size // 2 - kept // 2)) if i == axis else (0, 0) for i in range(3)]
    filled: np.ndarray = np.fft.ifft(np.fft.ifftshift(np.pad(central, widths), axes=axis), axis=axis) * FACTOR
    return filled


def _interpolated(mode: str) -> Rival:
    def interpolate(pair: Pair) -> np.ndarray:
        slices = torch.from_numpy(np.moveaxis(pair.image, 2, 0))[:, None].float()
        fine = F.interpolate(slices, scale_factor=float(FACTOR), mode=mode, align_corners=False)
        return np.moveaxis(fine[:, 0].numpy(), 0, 2)

    return interpolate


def _repeated(values: np.ndarray, factor: int) -> np.ndarray:
    return values.repeat(factor, axis=0).repeat(factor, axis=1)


def _smoothed(pair: Pair) -> np.ndarray:
    result: np.ndarray = gaussian_filter(pair.image, 0.7)
    return result


def _median(pair: Pair) -> np.ndarray:
    result: np.ndarray = median_filter(pair.image, size=(3, 3, 1))
    return result


#: By bundle. The width of the Gaussian is the best of 0.5, 0.6 ... 1.0 voxels on the validation subject.
DEGRADATIONS = {
    "brain_mri_srgan_x2": Degradation(
        "half of k-space in plane",
        truncated,
        {"zero-filled sinc": zero_filled, "cubic": _interpolated("bicubic"), "linear": _interpolated("bilinear")},
    ),
    "brain_mri_denoise": Degradation(
        f"Rician noise of {NOISE:.0%}",
        noisy,
        {"input": lambda pair: pair.image, "Gaussian filter": _smoothed, "median filter": _median},
    ),
}
