"""Random changes of images that are differentiable twice, for a discriminator that sees augmented images only.

Changes of place are one matrix per axis and sample, so that they are exact adjoints of themselves, run as matrix
products on every device and have derivatives of all orders, which torch's ``grid_sample`` has not.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from monai_gan.ops import counter_normal

#: Uniform numbers that one sample takes: eight each that say whether, for changes of place and of grey level.
_COUNT = 8 + 8 + 8
_ROOM = 0.9999  # of the unit interval, so that the normal distribution's inverse is finite


class Augmentation(nn.Module):
    """Changes of place and grey level, each applied to each image with a given probability (Karras et al. 2020b).

    The default is a set that is safe for medical images: images are moved by whole pixels, scaled alike along all axes,
    made brighter and darker, and changed in contrast. It has no change of colour, which one channel has not; left and
    right are exchanged and images are turned only when asked for; noise and cutouts, which the paper found not to help,
    are off.

    Args:
        spatial_dims: 2 or 3.
        translate: largest shift, as a share of each axis.
        scale: standard deviation of the binary logarithm of the scale.
        flip_safe: whether the last axis of the image, left and right, may be exchanged: never for organs that are not
            symmetric, such as a chest with its heart.
        turn_safe: whether images may be turned by multiples of 90 degrees in the plane of the last two axes, which
            must then have one size.
        brightness: standard deviation of what is added; images have values in [-1, 1].
        contrast: standard deviation of the binary logarithm of the factor of contrast.
        noise: standard deviation of the strength of added noise; 0 for none.
        cutout: size of a box that is set to zero, as a share of each axis; 0 for none.

    Raises:
        ValueError: an option is negative.
    """

    #: Uniform numbers per sample that :meth:`forward` takes.
    count = _COUNT

    def __init__(
        self,
        spatial_dims: int,
        *,
        translate: float = 0.125,
        scale: float = 0.2,
        flip_safe: bool = False,
        turn_safe: bool = False,
        brightness: float = 0.2,
        contrast: float = 0.5,
        noise: float = 0.0,
        cutout: float = 0.0,
    ) -> None:
        super().__init__()
        strengths = {
            "translate": translate,
            "scale": scale,
            "brightness": brightness,
            "contrast": contrast,
            "noise": noise,
            "cutout": cutout,
        }
        for name, strength in strengths.items():
            if not strength >= 0:
                raise ValueError(f"{name}={strength} is not possible: give 0, for none, or more.")
        if spatial_dims not in (2, 3):
            raise ValueError(f"spatial_dims={spatial_dims!r} is not supported: use 2 for images or 3 for volumes.")
        self.spatial_dims = spatial_dims
        self.translate = translate
        self.scale = scale
        self.flip_safe = flip_safe
        self.turn_safe = turn_safe
        self.brightness = brightness
        self.contrast = contrast
        self.noise = noise
        self.cutout = cutout

    def forward(self, images: Tensor, numbers: Tensor, probability: Tensor | float) -> Tensor:
        """Change images.

        Args:
            images: (N, C, *S).
            numbers: uniform in [0, 1), (N, count); equal numbers give equal changes.
            probability: of each change of each image.

        Returns:
            (N, C, *S), float32 or wider, differentiable with respect to the images to all orders.

        Raises:
            ValueError: the images have other axes, or cannot be turned.
        """
        if images.ndim != self.spatial_dims + 2:
            raise ValueError(
                f"images of shape {tuple(images.shape)} do not fit spatial_dims={self.spatial_dims}: "
                f"give {self.spatial_dims + 2} axes, (N, C, *S)."
            )
        if self.turn_safe and images.shape[-1] != images.shape[-2]:
            raise ValueError(
                f"images of size {tuple(images.shape[2:])} cannot be turned: the last two axes need one size; "
                "use turn_safe=False."
            )
        # In half precision a matrix product would round every grey level.
        with torch.autocast(images.device.type, enabled=False):
            images = images.to(torch.promote_types(images.dtype, torch.float32))
            numbers = numbers.to(images.dtype)
            chosen = numbers[:, :8] < probability
            return self._grey(self._place(images, numbers[:, 8:16], chosen), numbers[:, 16:], chosen)

    def _place(self, x: Tensor, u: Tensor, chosen: Tensor) -> Tensor:
        """Translate, scale, flip and turn (N, C, *S); ``u`` (N, 8): three shifts, a scale, a flip, a turn."""
        flips: list[Tensor | None] = [None] * self.spatial_dims
        if self.flip_safe:
            flips[-1] = chosen[:, 2] & (u[:, 4] < 0.5)
        if self.turn_safe:
            turns = _where(chosen[:, 3], (u[:, 5] * 4).floor())
            odd = ((turns == 1) | (turns == 3)).reshape(-1, *(1,) * (x.ndim - 1))
            x = torch.where(odd, x.transpose(-1, -2), x)
            # A quarter turn is a transposition and one flip, a half turn two flips.
            for axis, first in ((-2, 1), (-1, 3)):
                flip = (turns == first) | (turns == 2)
                other = flips[axis]
                flips[axis] = flip if other is None else other ^ flip
        if not (self.translate or self.scale or any(flip is not None for flip in flips)):
            return x
        scale = torch.exp2(_where(chosen[:, 1], _normal(u[:, 3]) * self.scale))
        for axis in range(self.spatial_dims):
            size = x.shape[2 + axis]
            shift = ((2 * u[:, axis] - 1) * (self.translate * size)).round()
            matrix = _resampling(size, _where(chosen[:, 0], shift), scale, flips[axis])
            matrix = matrix.reshape(len(x), *(1,) * (x.ndim - 2), size, size).squeeze(1)
            x = (x.movedim(2 + axis, -1) @ matrix.mT).movedim(-1, 2 + axis)
        return x

    def _grey(self, x: Tensor, u: Tensor, chosen: Tensor) -> Tensor:
        """Change brightness and contrast, add noise, cut out; ``u`` (N, 8): brightness, contrast, three places of a
        box, the strength of noise, its key."""
        one = (-1, *(1,) * (x.ndim - 1))
        if self.brightness:
            x = x + _where(chosen[:, 4], _normal(u[:, 0]) * self.brightness).reshape(one)
        if self.contrast:
            x = x * torch.exp2(_where(chosen[:, 5], _normal(u[:, 1]) * self.contrast)).reshape(one)
        if self.noise:
            strength = _where(chosen[:, 6], _normal(u[:, 5]).abs() * self.noise).reshape(one)
            x = x + strength * counter_normal(u[:, 6:8], x[0].numel()).reshape(x.shape)
        if self.cutout:
            inside = chosen[:, 7].reshape(one)
            for axis in range(self.spatial_dims):
                size = x.shape[2 + axis]
                place = (torch.arange(size, device=x.device, dtype=x.dtype) + 0.5) / size
                near = (place - u[:, 2 + axis, None]).abs() < self.cutout / 2
                inside = inside & near.reshape(len(x), *(1,) * (axis + 1), size, *(1,) * (self.spatial_dims - axis - 1))
            x = x.masked_fill(inside, 0.0)
        return x


def _where(chosen: Tensor, value: Tensor) -> Tensor:
    """The value where it is chosen, else 0; ``torch.where`` would copy its 0 to the device and wait."""
    return value.masked_fill(~chosen, 0.0)


def _normal(u: Tensor) -> Tensor:
    """Standard normal numbers of uniform ones, within four standard deviations."""
    return torch.erfinv((2 * u - 1) * _ROOM) * math.sqrt(2)


def _resampling(size: int, shift: Tensor, scale: Tensor, flip: Tensor | None) -> Tensor:
    """The matrices (N, size, size) that shift, scale about the centre and flip an axis of N samples.

    Linear interpolation; where an axis shrinks, the mean over what falls into a pixel. The axis goes on beyond its ends
    as its mirror image.
    """
    grid = torch.arange(size, device=shift.device, dtype=shift.dtype)
    centre = (size - 1) / 2
    # Within a mirror image on either side.
    scale = scale.clamp(min=0.5)
    place = (grid - centre - shift.unsqueeze(1)) / scale.unsqueeze(1)
    if flip is not None:
        place = torch.where(flip.unsqueeze(1), -place, place)
    wide = torch.arange(-size, 2 * size, device=shift.device, dtype=shift.dtype)
    reach = (1 / scale).clamp(min=1.0).reshape(-1, 1, 1)
    weights = (1 - (wide - (place + centre).unsqueeze(2)).abs() / reach).clamp(min=0)
    weights = weights / weights.sum(2, keepdim=True)
    before, within, after = weights.split(size, 2)
    return within + before.flip(2) + after.flip(2)
