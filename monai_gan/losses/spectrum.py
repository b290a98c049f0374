"""Power spectra of generated images, held to those of real ones."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor, nn


class SpectrumLoss(nn.Module):
    """How far the mean power spectrum of one batch is from that of another, over rings of equal frequency.

    Generators that upsample miss the spectrum of real images at high frequencies, where discriminators are weakest
    (Durall et al. 2020, "Watch your up-convolution: CNN based generative deep neural networks are failing to reproduce
    spectral distributions", arXiv 2003.01826). There each image is held to the mean spectrum of the set; here batches
    are compared, so that images may differ among themselves, and logarithms, so that no frequency outweighs another.

    Args:
        eps: added to the power, for batches without any.

    Raises:
        ValueError: when ``eps`` is not positive.
    """

    def __init__(self, eps: float = 1e-8) -> None:
        super().__init__()
        if not eps > 0:
            raise ValueError(f"eps={eps} is not possible: give a positive number.")
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Mean squared difference of the logarithms of power, over channels and rings.

        Args:
            input: images (N, C, *S), 2-D or 3-D.
            target: images (M, C, *S).

        Returns:
            A scalar, 0 for equal spectra.

        Raises:
            ValueError: when the shapes do not fit.
        """
        if input.ndim not in (4, 5) or input.shape[1:] != target.shape[1:]:
            raise ValueError(
                f"SpectrumLoss: input of shape {tuple(input.shape)} and target of {tuple(target.shape)} do not fit: "
                "give (N, C, H, W) or (N, C, D, H, W), of equal channels and sizes."
            )
        logs = [(ring_power(images) + self.eps).log() for images in (input, target)]
        return (logs[0] - logs[1]).square().mean()


def ring_power(images: Tensor) -> Tensor:
    """Mean power of a batch per ring of frequencies; the ring around zero, the mean of an image, is left out.

    Args:
        images: (N, C, *S); below single precision they are computed in it.

    Returns:
        (C, rings), ring k around k cycles over the shortest axis.
    """
    sizes = images.shape[2:]
    with torch.autocast(images.device.type, enabled=False):
        x = images if images.dtype == torch.float64 else images.float()
        for axis, size in enumerate(sizes):
            # Without a window the step between opposite edges would cover the high frequencies.
            window = torch.hann_window(size, dtype=x.dtype, device=x.device)
            x = x * window.reshape(-1, *(1,) * (len(sizes) - 1 - axis))
        spectrum = torch.view_as_real(torch.fft.fftn(x, dim=tuple(range(2, x.ndim)), norm="ortho"))
        power = spectrum.square().sum(-1).mean(0).flatten(1)
        rings, counts = _rings(tuple(sizes), images.device)
        sums = power.new_zeros(len(power), len(counts)).index_add(1, rings, power)
        return (sums / counts)[:, 1:]


@lru_cache(maxsize=8)
def _rings(sizes: tuple[int, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """The ring of every frequency, and how many frequencies a ring has."""
    axes = torch.meshgrid(*(torch.fft.fftfreq(size, dtype=torch.float64) for size in sizes), indexing="ij")
    radius = torch.stack(axes).square().sum(0).sqrt().flatten()
    # The corners hold few frequencies each: they are one with the last full ring.
    last = math.ceil(min(sizes) / 2)
    rings = (radius * min(sizes)).round().long().clamp_max(last)
    return rings.to(device), torch.bincount(rings).to(device)
