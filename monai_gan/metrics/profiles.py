"""What sets of images are made of, as curves to look at: their grey levels and their power at every fineness."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.metrics.checks import check_images, check_range


def intensity_histogram(images: Tensor, *, bins: int = 64, value_range: tuple[float, float] = (-1.0, 1.0)) -> Tensor:
    """Share of the pixels in each of equally wide bins.

    Args:
        images: (N, C, *S); values outside of the range count in the first or last bin.
        bins: number of bins B.
        value_range: lower edge of the first and upper edge of the last bin.

    Returns:
        Shares (B,), float64, with the sum 1.

    Raises:
        InputError: if the images are not finite or the range is none.
    """
    low, high = check_range(value_range)
    values = check_images(images, "images").flatten().clamp(low, high)
    counts = torch.histc(values.float().cpu(), bins=bins, min=low, max=high).double()
    return counts / counts.sum()


def radial_power_spectrum(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean power of the images by spatial frequency, over all directions.

    Images that look right but are blurred fall below real ones at high frequencies; noise and upsampling artefacts rise
    above them. A Hann window keeps opposite borders, which do not meet, from counting as edges.

    Args:
        images: (N, C, *S) in 2-D or 3-D, at least 4 pixels along each axis.

    Returns:
        Frequencies (F,) in cycles per pixel, above 0 and up to 0.5, in steps of one cycle over the shortest side; and
        the mean squared amplitude (F,) around each, both float64.

    Raises:
        InputError: if the images are not finite.
    """
    images = check_images(images, "images").cpu()
    size = images.shape[2:]
    axes = tuple(range(2, images.ndim))
    window = torch.ones((), dtype=torch.float64)
    for side in size:
        window = window[..., None] * torch.hann_window(side, periodic=False, dtype=torch.float64)
    radius = torch.zeros((), dtype=torch.float64)
    for side in size:
        radius = radius[..., None] + torch.fft.fftfreq(side, dtype=torch.float64).square()
    shells = (radius.sqrt() * min(size)).round().long().flatten()
    total = torch.zeros(len(shells), dtype=torch.float64)
    for image in images.double().split(64):
        centred = (image - image.mean(dim=axes, keepdim=True)) * window
        total += torch.fft.fftn(centred, dim=axes).abs().square().mean(dim=1).sum(dim=0).flatten()
    power = total / (len(images) * window.square().sum())
    sums = torch.zeros(int(shells.max()) + 1, dtype=torch.float64).index_add_(0, shells, power)
    count = min(size) // 2
    return torch.arange(1, count + 1, dtype=torch.float64) / min(size), (sums / shells.bincount())[1 : count + 1]
