"""Noise in the size of lesions, which a reconstruction must leave out."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from monai_gan.variants.step import Step


def coarse_noise(image: Tensor, std: float, step: Step, cell: int = 4) -> Tensor:
    """Add normal noise that is drawn on a coarse grid and interpolated (Kascenas et al. 2022, "Denoising autoencoders
    for unsupervised anomaly detection in brain MRI").

    Args:
        image: (N, C, *S) in [-1, 1].
        std: of the noise on the coarse grid.
        step: gives the random numbers.
        cell: pixels per node of that grid.

    Returns:
        The noisy images, clipped to [-1, 1].
    """
    nodes = [max(1, size // cell) for size in image.shape[2:]]
    noise = step.randn(len(image), image.shape[1], *nodes, device=image.device)
    mode = "bilinear" if image.ndim == 4 else "trilinear"
    return (image + std * F.interpolate(noise, image.shape[2:], mode=mode, align_corners=False)).clamp(-1, 1)
