"""Figures of a volume that a network made beside the one it should have been: accuracy and appearance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from monai_gan.metrics.extractors import packaged_weights
from monai_gan.networks.backbones.efficientnet_lite import StageFeatures
from monai_gan.networks.published import load_published
from monai_gan.ops import perceptual_distance

#: Standard deviation of SSIM's window, cut off as in Wang et al. (11 voxels), and its constants for the data range 1.
SIGMA, CUT, C1, C2 = 1.5, 3.5, 0.01**2, 0.03**2
#: Value of the target, of 0 to 1, above which a voxel belongs to the head or brain.
TISSUE = 0.02
#: Stages of the network that judges appearance, as in the loss of the larger network of this family.
STAGES = (0, 4, 5, 6)
#: Slices that the network sees at once.
CHUNK = 16


@dataclass(frozen=True)
class Pair:
    """A target with what is known of it, on the scale 0 to 1.

    Attributes:
        image: input (X, Y, Z).
        target: what should come out (X, Y, Z).
        mask: where it counts.
        lesion: mask of lesions, or None.
        spacing: millimetres per voxel.
    """

    image: np.ndarray
    target: np.ndarray
    mask: np.ndarray
    lesion: np.ndarray | None = None
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0)


def measure(result: np.ndarray, pair: Pair, device: torch.device | str = "cpu") -> dict[str, float]:
    """All figures of a result (X, Y, Z) by name, but for those of lesions; the device is for the perceptual one."""
    error = result - pair.target
    similarity = ssim_map(result, pair.target)
    return {
        "psnr_mask": psnr(error[pair.mask]),
        "ssim_mask": float(similarity[pair.mask].mean()),
        "mae_mask": float(np.abs(error[pair.mask]).mean()),
        "psnr_image": psnr(error),
        "ssim_image": float(similarity.mean()),
        "mae_image": float(np.abs(error).mean()),
        "perceptual_efficientnet_lite0": perceptual(result, pair.target, pair.mask, device),
        "spectrum_distance": spectrum_distance(result * pair.mask, pair.target * pair.mask),
    }


def psnr(error: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB for the data range 1."""
    return float(-10 * np.log10(np.mean(np.square(error, dtype=np.float64))))


def ssim_map(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Structural similarity at every voxel, by a three-dimensional Gaussian window, for the data range 1."""

    def blurred(values: np.ndarray) -> np.ndarray:
        smooth: np.ndarray = gaussian_filter(values.astype(np.float64), SIGMA, truncate=CUT)
        return smooth

    mean, other_mean = blurred(one), blurred(other)
    variance, other_variance = blurred(one**2) - mean**2, blurred(other**2) - other_mean**2
    covariance = blurred(one * other) - mean * other_mean
    similarity: np.ndarray = ((2 * mean * other_mean + C1) * (2 * covariance + C2)) / (
        (mean**2 + other_mean**2 + C1) * (variance + other_variance + C2)
    )
    return similarity


def perceptual(result: np.ndarray, target: np.ndarray, mask: np.ndarray, device: torch.device | str = "cpu") -> float:
    """Mean distance of the axial slices within the mask as EfficientNet-Lite0 sees them; losses use another network.

    Both are 0 outside of the mask, so that the background, which nobody looks at, does not count.
    """
    shown = np.flatnonzero(mask.any(axis=(0, 1)))
    images, targets = (
        torch.from_numpy(np.moveaxis(volume * mask, 2, 0)[shown]).float()[:, None] for volume in (result, target)
    )
    network = judge().to(device)
    with torch.no_grad():
        distances = [
            perceptual_distance(network(_prepared(one).to(device)), network(_prepared(other).to(device))) / len(STAGES)
            for one, other in zip(images.split(CHUNK), targets.split(CHUNK), strict=True)
        ]
    return float(torch.cat(distances).mean())


@cache
def judge() -> StageFeatures:
    """EfficientNet-Lite0 with its published weights."""
    network = StageFeatures(0, STAGES)
    load_published(network, packaged_weights())
    return network.eval()


def _prepared(images: Tensor) -> Tensor:
    """Grey images in [0, 1] as the network wants them: three channels, 0..255 less 127, over 128."""
    return ((images.clamp(0, 1) * 255 - 127) / 128).expand(-1, 3, -1, -1)


def spectrum_distance(result: np.ndarray, target: np.ndarray) -> float:
    """Mean absolute difference, in decades, of the radial power spectra of all axial slices.

    0 is the texture of the target at every scale; smooth results lack power at high frequencies.
    """
    return float(np.abs(radial_power(result) - radial_power(target)).mean())


def radial_power(volume: np.ndarray) -> np.ndarray:
    """Decadic logarithm of the mean power in rings of one frequency step, up to the sampling limit."""
    windows = [np.hanning(size) for size in volume.shape[:2]]
    weighted = volume * np.outer(*windows)[..., None]
    power = (np.abs(np.fft.fft2(weighted, axes=(0, 1))) ** 2).mean(axis=2)
    rows, columns = (np.fft.fftfreq(size) for size in volume.shape[:2])
    radius = np.hypot(rows[:, None], columns[None])
    rings = min(volume.shape[:2]) // 2
    ring = np.floor(radius * 2 * rings).astype(int)
    inside = ring < rings
    sums = np.bincount(ring[inside], power[inside], rings)
    spectrum: np.ndarray = np.log10(sums / np.bincount(ring[inside], minlength=rings) + 1e-12)
    return spectrum[1:]
