"""Volumes made worse as a scanner would, the volumes themselves, and what improves them without learning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
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
from monai_gan.data import ImageDataset, volume_pairs
from monai_gan.errors import InputError
from monai_gan.transforms import KSpaceTruncate

Rival = Callable[[Pair], np.ndarray]
Factor = tuple[int, int, int]
#: By which the super-resolution bundles enlarge: in the axial plane, and through it.
IN_PLANE, THROUGH_PLANE = (2, 2, 1), (1, 1, 2)
#: Standard deviation of the noise that figures are given for, as a share of the brightest voxel.
NOISE = 0.06


@dataclass(frozen=True)
class Degradation:
    """What was done to a volume, and what a network has to beat.

    Attributes:
        name: for tables.
        apply: makes a volume (1, X, Y, Z) in [0, 1] worse.
        rivals: name to what makes a result of a pair without learning.
        volumes: the volumes (1, X, Y, Z) in [-1, 1] of a part, by a bundle's training configuration.
        planes: order of the axes in which slices are looked at, so that the first two show what was lost.
    """

    name: str
    apply: Callable[[MetaTensor], MetaTensor]
    rivals: Mapping[str, Rival]
    volumes: Callable[[ConfigParser, str], Iterator[MetaTensor]]
    planes: tuple[int, int, int] = (0, 1, 2)


def degraded_pairs(train: ConfigParser, split: str, degradation: Degradation) -> list[Pair]:
    """One pair per volume of a part: what is left of it, and the volume."""
    return [_pair(volume, degradation) for volume in degradation.volumes(train, split)]


def session_volumes(train: ConfigParser, split: str) -> Iterator[MetaTensor]:
    """All contrasts of a set with a table of sessions; brain only where the set has it so."""
    prepare = Compose(train.get_parsed_content("train::volumes"))
    root, layout = train.get_parsed_content("dataset_dir"), train.get_parsed_content("layout")
    contrasts: list[str] = train.get_parsed_content("contrasts")
    for contrast in contrasts:
        try:
            samples = volume_pairs(root, contrast, contrast, split, layout)  # type: ignore[arg-type]
        except InputError:
            # Not every part of the subjects has every contrast.
            continue
        for sample in samples:
            ready: Any = prepare({key: value for key, value in sample.items() if key != "image"})
            yield ready["target"]


def cropped_volumes(train: ConfigParser, split: str) -> Iterator[MetaTensor]:
    """The volumes of an archive without their padding, of even size."""
    prepare = Compose(train.get_parsed_content("train::volumes"))
    root = train.get_parsed_content("dataset_dir")
    for sample in ImageDataset(root, split, spatial_dims=3, intensity=(0, 255)):  # type: ignore[arg-type]
        ready: Any = prepare({"target": sample["image"]})
        x, y, z = (size // 2 * 2 for size in ready["target"].shape[1:])
        yield MetaTensor(torch.as_tensor(ready["target"])[:, :x, :y, :z].as_subclass(Tensor), affine=torch.eye(4))


def _pair(volume: MetaTensor, degradation: Degradation) -> Pair:
    target = unit(volume)
    worse = degradation.apply(MetaTensor(torch.from_numpy(target)[None], affine=volume.affine))
    spacing = tuple(float(length) for length in worse.pixdim)
    return Pair(worse.as_subclass(Tensor)[0].numpy(), target, target > TISSUE, spacing=spacing)


def shown(pair: Pair) -> Pair:
    """The pair with its input on the grid of the target, for pictures."""
    factor = _factor(pair)
    spacing = tuple(length / one for length, one in zip(pair.spacing, factor, strict=True))
    image = pair.image
    for axis, one in enumerate(factor):
        image = image.repeat(one, axis=axis)
    return replace(pair, image=image, spacing=spacing)


def truncated(volume: MetaTensor, factor: Factor = IN_PLANE) -> MetaTensor:
    """The central part of k-space; a magnitude image is never negative."""
    result: MetaTensor = KSpaceTruncate(factor)(volume).clamp_min(0)
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
    for axis, factor in enumerate(_factor(pair)):
        values = _filled(values, axis, factor) if factor > 1 else values
    result: np.ndarray = values.real.astype(np.float32)
    return result


def _filled(values: np.ndarray, axis: int, factor: int) -> np.ndarray:
    """More samples of one axis, in the same box: the first lies further out."""
    kept = values.shape[axis]
    size = kept * factor
    number = np.arange(kept) - kept // 2
    phase = np.exp(-2j * np.pi * number * (factor - 1) / 2 / size)
    central = np.fft.fftshift(np.fft.fft(values, axis=axis), axes=axis)
    central = central * phase.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    widths = [(size // 2 - kept // 2, size - kept - (size // 2 - kept // 2)) if i == axis else (0, 0) for i in range(3)]
    filled: np.ndarray = np.fft.ifft(np.fft.ifftshift(np.pad(central, widths), axes=axis), axis=axis) * factor
    return filled


def _interpolated(pair: Pair, mode: str) -> np.ndarray:
    """Interpolation in the planes where something was lost, of which the third axis is none."""
    factor = _factor(pair)
    across = factor.index(1)
    slices = torch.from_numpy(np.moveaxis(pair.image, across, 0))[:, None].float()
    scale = [float(one) for axis, one in enumerate(factor) if axis != across]
    fine = F.interpolate(slices, scale_factor=scale, mode=mode, align_corners=False)
    return np.moveaxis(fine[:, 0].numpy(), 0, across)


def _factor(pair: Pair) -> Factor:
    x, y, z = (round(one / other) for one, other in zip(pair.target.shape, pair.image.shape, strict=True))
    return x, y, z


def _smoothed(pair: Pair) -> np.ndarray:
    result: np.ndarray = gaussian_filter(pair.image, 0.7)
    return result


def _median(pair: Pair) -> np.ndarray:
    result: np.ndarray = median_filter(pair.image, size=(3, 3, 1))
    return result


_RESOLUTION: dict[str, Rival] = {
    "zero-filled sinc": zero_filled,
    "cubic": partial(_interpolated, mode="bicubic"),
    "linear": partial(_interpolated, mode="bilinear"),
}
#: By bundle. The width of the Gaussian is the best of 0.5, 0.6 ... 1.0 voxels on the validation subject.
DEGRADATIONS = {
    "brain_mri_srgan_x2": Degradation("half of k-space in plane", truncated, _RESOLUTION, session_volumes),
    "brain_mri_denoise": Degradation(
        f"Rician noise of {NOISE:.0%}",
        noisy,
        {"input": lambda pair: pair.image, "Gaussian filter": _smoothed, "median filter": _median},
        session_volumes,
    ),
    "hippocampus_srgan_x2_3d": Degradation(
        "half of k-space through plane",
        partial(truncated, factor=THROUGH_PLANE),
        _RESOLUTION,
        cropped_volumes,
        planes=(0, 2, 1),
    ),
}
