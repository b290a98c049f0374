"""What differs between MR scanners and sequences: shading, contrast, sharpness, gain and noise."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.augment.draws import Draws, per_sample
from monai_gan.errors import InputError

#: Nodes of the shading per axis, segments of the random curve of contrast, and taps of the blur.
NODES, SEGMENTS, TAPS = 4, 6, 5


class ScannerBatch:
    """Change images in [-1, 1], -1 for nothing, as another scanner or sequence might; each sample differently.

    Neighbouring slices, which are channels, are changed alike. Amounts of 0 and ranges (1, 1) leave a change out.

    Args:
        keys: images (N, C, *S), in two or three dimensions; those of a sample are changed alike but for their noise.
        prob: probability of each of the changes for itself.
        bias: largest logarithm of the smooth shading.
        gamma: least and largest exponent of the contrast; its logarithm is drawn evenly.
        curve: strength of a random rising curve of contrast, 0 to 1.
        blur: largest standard deviation of a Gaussian, in pixels.
        gain: largest change of brightness, as a share.
        noise: largest standard deviation of normal noise, as a share of the range from nothing to 1.

    Raises:
        InputError: a number is out of range.
    """

    def __init__(
        self,
        keys: Sequence[str],
        prob: float = 0.5,
        bias: float = 0.3,
        gamma: Sequence[float] = (0.6, 1.6),
        curve: float = 0.5,
        blur: float = 0.9,
        gain: float = 0.12,
        noise: float = 0.04,
    ) -> None:
        if len(gamma) != 2 or not 0 < gamma[0] <= gamma[1]:
            raise InputError(f"gamma={tuple(gamma)} is not possible: give the least and the largest, above 0.")
        if not 0 <= curve <= 1 or not 0 <= gain < 1 or min(bias, blur, noise) < 0:
            raise InputError(
                f"bias={bias}, curve={curve}, blur={blur}, gain={gain} and noise={noise} must be at least 0, curve and "
                "gain at most 1."
            )
        self.keys, self.prob = list(keys), prob
        self.bias, self.gamma, self.curve = bias, tuple(gamma), curve
        self.blur, self.gain, self.noise = blur, gain, noise

    def __call__(self, batch: dict[str, Tensor], draws: Draws) -> dict[str, Tensor]:
        """The batch with changed images, again in [-1, 1]."""
        images = [batch[key] for key in self.keys]
        changed = self._changed((torch.cat(images, dim=1) + 1) / 2, draws) * 2 - 1
        parts = changed.split([image.shape[1] for image in images], dim=1)
        return {**batch, **dict(zip(self.keys, parts, strict=True))}

    def _changed(self, images: Tensor, draws: Draws) -> Tensor:
        n = len(images)

        def amount(low: float, high: float, *size: int) -> Tensor:
            return draws.uniform(low, high, n, *size) * draws.chance(self.prob, n).view(n, *[1] * len(size))

        if self.bias:
            axes = images.ndim - 2
            nodes = amount(-self.bias, self.bias, 1, *[NODES] * axes)
            mode = "bicubic" if axes == 2 else "trilinear"
            shading = F.interpolate(nodes, images.shape[2:], mode=mode, align_corners=True)
            images = images * shading.exp()
        if self.gamma != (1, 1):
            low, high = torch.tensor(self.gamma).log().tolist()
            images = images.clamp_min(0) ** per_sample(amount(low, high).exp(), images)
        if self.curve:
            strength = draws.chance(self.prob, n)[:, None] * self.curve
            images = _through_curve(images, draws.uniform(0, 1, n, SEGMENTS) * strength + 1 - strength)
        if self.blur:
            images = _blurred(images, amount(0, self.blur))
        if self.gain:
            images = images * per_sample(1 + amount(-self.gain, self.gain), images)
        if self.noise:
            images = images + draws.normal(images) * per_sample(amount(0, self.noise), images)
        return images.clamp(0, 1)


def _through_curve(images: Tensor, rises: Tensor) -> Tensor:
    """Through the rising curve from 0 to 1 of straight pieces with given rises (N, pieces), not yet scaled."""
    rises = rises.clamp_min(0.05)
    rises = rises / rises.sum(dim=1, keepdim=True)
    starts = F.pad(rises.cumsum(dim=1), (1, 0))
    places = images.clamp(0, 1).flatten(1) * SEGMENTS
    piece = places.floor().clamp_max(SEGMENTS - 1)
    index = piece.long()
    values = starts.gather(1, index) + (places - piece) * rises.gather(1, index)
    return values.view_as(images)


def _blurred(images: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur, a standard deviation for each sample; one of 0 leaves the sample as it is."""
    n, channels = images.shape[:2]
    offsets = torch.arange(TAPS, device=images.device) - TAPS // 2
    weights = torch.exp(-0.5 * (offsets / sigma[:, None].clamp_min(1e-2)) ** 2)
    weights = (weights / weights.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)
    convolve = F.conv2d if images.ndim == 4 else F.conv3d
    flat = images.reshape(1, n * channels, *images.shape[2:])
    for axis in range(images.ndim - 2):
        shape = [TAPS if i == axis else 1 for i in range(images.ndim - 2)]
        padding = [TAPS // 2 if i == axis else 0 for i in range(images.ndim - 2)]
        flat = convolve(flat, weights.view(-1, 1, *shape), padding=padding, groups=n * channels)
    return flat.view_as(images)
