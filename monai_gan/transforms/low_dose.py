"""The noise of a CT scan with fewer photons, made where it arises: in the projections."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_tensor
from torch import Tensor

from monai_gan.errors import InputError

#: Linear attenuation of water at about 70 keV, the mean energy of a 120 kVp beam, per mm.
WATER = 0.0193


class RandLowDoseCT(RandomizableTransform):
    """Add the noise that a CT image would have with so many photons per ray.

    Each axial slice is projected in a parallel beam, the counts behind the patient are drawn from Poisson's
    distribution, and the difference of the noisy and the noise-free line integrals is reconstructed by filtered back
    projection and added. So noise is streaky along thick paths and correlated as a scanner's is, while the image's own
    detail is untouched. The noise that the image already has stays, so that the result stands for a lower dose than
    the photons say, and values are not calibrated to a scanner.

    Args:
        photons: photons per ray without a patient; a number, or a range from which the logarithm is drawn uniformly.
            Diagnostic scans have some 1e5 to 1e6, low-dose ones 1e4 to 1e5.
        prob: probability of a change.
        angles: projections over half a turn.
        spacing: pixel size within the slice in mm; by default that of the image's affine.

    Raises:
        InputError: when a number is not positive.
    """

    def __init__(
        self,
        photons: float | tuple[float, float] = (1e4, 1e5),
        prob: float = 1.0,
        angles: int = 180,
        spacing: float | None = None,
    ) -> None:
        RandomizableTransform.__init__(self, prob)
        low, high = photons if isinstance(photons, tuple | list) else (photons, photons)
        if not 0 < low <= high:
            raise InputError(f"photons={photons} is not possible: give a positive number, or a range from low to high.")
        if angles < 1 or (spacing is not None and spacing <= 0):
            raise InputError(f"angles={angles} and spacing={spacing} must be positive.")
        self.photons = (float(low), float(high))
        self.angles = angles
        self.spacing = spacing
        self._drawn = (0.0, 0)

    def randomize(self, data: Any = None) -> None:
        """Draw whether to change an image, the photons and the seed of the counts."""
        super().randomize(None)  # type: ignore[no-untyped-call]
        low, high = (math.log(one) for one in self.photons)
        self._drawn = (math.exp(self.R.uniform(low, high)), int(self.R.randint(2**31 - 1)))

    def __call__(self, image: Any, randomize: bool = True) -> MetaTensor:
        """Add the noise.

        Args:
            image: (C, H, W) or (C, H, W, D) in Hounsfield units, slices along the last axis.
            randomize: whether to draw anew.

        Returns:
            The same shape and units, float32.

        Raises:
            InputError: when the image has another number of axes or the pixels are not square.
        """
        metadata: MetaTensor = convert_to_tensor(image, track_meta=True)
        if randomize:
            self.randomize()
        if metadata.ndim not in (3, 4):
            raise InputError(f"image has shape {tuple(metadata.shape)}: give (C, H, W) or (C, H, W, D).")
        values = metadata.as_subclass(Tensor).float()
        if self._do_transform:
            photons, seed = self._drawn
            slices = values[..., None] if values.ndim == 3 else values
            stack = slices.movedim(-1, 1).flatten(0, 1)
            noise = _noise(stack, self._pixel(metadata), photons, self.angles, seed)
            values = (stack + noise).unflatten(0, (slices.shape[0], -1)).movedim(1, -1).reshape(values.shape)
        return MetaTensor(values, meta=metadata.meta, applied_operations=metadata.applied_operations)

    def _pixel(self, image: MetaTensor) -> float:
        if self.spacing is not None:
            return self.spacing
        first, second = (float(one) for one in image.pixdim[:2])
        if abs(first - second) > 1e-3 * first:
            raise InputError(f"Pixels of {first:g} x {second:g} mm are not square: resample, or pass spacing=.")
        return first


class RandLowDoseCTd(MapTransform, RandomizableTransform):
    """Dictionary form of :class:`RandLowDoseCT`; all keys get the same photons and the same seed.

    Args:
        keys: entries to change.
        photons, prob, angles, spacing: as there.
        allow_missing_keys: whether to pass over samples that lack a key.
    """

    def __init__(
        self,
        keys: KeysCollection,
        photons: float | tuple[float, float] = (1e4, 1e5),
        prob: float = 1.0,
        angles: int = 180,
        spacing: float | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, 1.0)
        self.noise = RandLowDoseCT(photons, prob, angles, spacing)

    def set_random_state(self, seed: int | None = None, state: Any = None) -> RandLowDoseCTd:
        """As in MONAI."""
        super().set_random_state(seed, state)
        self.noise.set_random_state(seed, state)
        return self

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The sample with the changed entries."""
        sample = dict(data)
        self.noise.randomize()
        for key in self.key_iterator(sample):  # type: ignore[no-untyped-call]
            sample[key] = self.noise(sample[key], randomize=False)
        return sample


def _noise(slices: Tensor, pixel: float, photons: float, angles: int, seed: int) -> Tensor:
    """Noise images (N, H, W) in Hounsfield units of slices (N, H, W)."""
    attenuation = ((slices / 1000 + 1) * WATER).clamp_min(0)
    turns = torch.arange(angles, device=slices.device) * (math.pi / angles)
    integrals = project(attenuation, turns) * pixel
    expected = photons * torch.exp(-integrals)
    draw = torch.Generator(slices.device).manual_seed(seed)
    # A detector that sees no photon at all still reports its smallest count.
    counted = torch.poisson(expected, generator=draw).clamp_min(1)
    error = torch.log(expected / counted)
    return back_project(error, turns, slices.shape[1:]) / pixel * (1000 / WATER)


def project(images: Tensor, turns: Tensor) -> Tensor:
    """Line integrals in a parallel beam, in units of the pixel size.

    Args:
        images: (N, H, W).
        turns: angles (A,) in radians.

    Returns:
        (N, A, L), L rays that are a pixel apart and cover the diagonal.
    """
    height, width = images.shape[1:]
    length = math.ceil(math.hypot(height, width))
    position = torch.arange(length, device=images.device) - (length - 1) / 2
    along, across = torch.meshgrid(position, position, indexing="ij")
    rays = []
    for turn in turns:
        x = across * turn.cos() - along * turn.sin()
        y = across * turn.sin() + along * turn.cos()
        grid = torch.stack([2 * x / width, 2 * y / height], dim=-1).expand(len(images), -1, -1, -1)
        rays.append(F.grid_sample(images[:, None], grid, align_corners=False)[:, 0].sum(1))
    return torch.stack(rays, dim=1)


def back_project(rays: Tensor, turns: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """Filtered back projection with the ramp filter (Kak and Slaney 1988, section 3.3).

    Args:
        rays: (N, A, L) in units of the pixel size.
        turns: angles (A,) that divide half a turn evenly.
        size: (H, W).

    Returns:
        (N, H, W).
    """
    length = rays.shape[-1]
    padded = 2 ** math.ceil(math.log2(2 * length))
    # The ramp's own samples, which have no offset at zero frequency as a sampled ramp would.
    number = torch.fft.fftfreq(padded, 1 / padded, device=rays.device).round()
    kernel = torch.where(number.long() % 2 == 1, -1 / (math.pi * number) ** 2, 0.0)
    kernel[0] = 0.25
    spectrum = torch.fft.rfft(rays, padded) * torch.fft.rfft(kernel)
    filtered = torch.fft.irfft(spectrum, padded)[..., :length]
    height, width = size
    y, x = torch.meshgrid(
        torch.arange(height, device=rays.device) - (height - 1) / 2,
        torch.arange(width, device=rays.device) - (width - 1) / 2,
        indexing="ij",
    )
    image = rays.new_zeros(len(rays), height, width)
    for index, turn in enumerate(turns):
        place = (x * turn.cos() + y * turn.sin()) * (2 / length)
        grid = torch.stack([place, torch.zeros_like(place)], dim=-1).expand(len(rays), -1, -1, -1)
        image += F.grid_sample(filtered[:, None, index : index + 1], grid, align_corners=False)[:, 0]
    return image * (math.pi / len(turns))
