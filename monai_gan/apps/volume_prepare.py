"""From an image in its own units and grid to what a network takes, and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monai_gan.apps.volume_form import VolumeForm, of_direction

if TYPE_CHECKING:
    import numpy as np
    import torch
    from monai.data.meta_tensor import MetaTensor
    from torch import Tensor

    from monai_gan.bundle import BundleInfo
    from monai_gan.data.orientation import Orientation
    from monai_gan.data.scaling import IntensityScale

#: Spacings are taken for equal when they differ by less than this share.
_SAME = 0.01
#: Padding is what holds the lowest value of a volume, in connected parts of at least this share of its voxels.
_LEAST_PADDING = 0.01


@dataclass
class PreparedVolume:
    """An image as the network takes it, and what leads its result back.

    Attributes:
        scaled: (C, X, Y, Z) in [-1, 1], in the bundle's orientation and at a spacing that it knows.
        scale: of the input.
        spacing: of ``scaled``, in millimetres.
        units: of the result.
        warnings: what is unusual about the image.
    """

    scaled: Tensor
    scale: IntensityScale
    spacing: tuple[float, ...]
    units: str
    warnings: list[str]
    _form: VolumeForm
    _given: MetaTensor = field(repr=False)
    _volume: Tensor = field(repr=False)
    _orientation: Orientation
    _affine: np.ndarray = field(repr=False)

    @property
    def size(self) -> tuple[int, ...]:
        """Voxels of ``scaled``."""
        return tuple(self.scaled.shape[1:])

    def restore(self, result: Tensor) -> MetaTensor:
        """A result of the network in its units, on the grid of the image or, with a scale, a finer one.

        Args:
            result: (C', *S), S that of ``scaled`` times the bundle's scale.
        """
        fixed = self._form.output_scale
        # In the input's own units nothing is clipped: fine structures can be brighter than any voxel of the input.
        image = self.scale.to_image(result) if fixed is None else fixed.to_image(result.clamp(-1, 1))
        values = self._as_given(image)
        if self._form.background is not None:
            values[:, self._padding(values)] = self._form.background
        return self._with_geometry(_cast(values, self._dtype()))

    def restore_spread(self, spread: Tensor) -> MetaTensor:
        """A standard deviation of results in [-1, 1], likewise; always in float32."""
        output = self._form.output_scale or self.scale
        return self._with_geometry(self._as_given(spread * ((output.maximum - output.minimum) / 2)))

    def _as_given(self, result: Tensor) -> Tensor:
        """In the order of axes and with the number of voxels that the image has, or that times the scale."""
        from monai_gan.data.resize import resize

        turned = self._orientation.restore(result)
        factors = self._orientation.per_given_axis(self._form.scale)
        size = [length * factor for length, factor in zip(self._volume.shape[1:], factors, strict=True)]
        return resize(turned, size)

    def _with_geometry(self, values: Tensor) -> MetaTensor:
        import torch
        from monai.data.meta_tensor import MetaTensor

        from monai_gan.data.geometry import rescaled_affine, swap_plane

        affine = rescaled_affine(self._affine, self._orientation.per_given_axis(self._form.scale))
        if self._given.ndim == 3:
            array, affine = swap_plane(values[..., 0].numpy(), affine)
            values = torch.from_numpy(array.copy())
        return MetaTensor(values, affine=torch.from_numpy(affine))

    def _dtype(self) -> torch.dtype:
        import torch

        if self._form.dtype == "input":
            return torch.float32 if self._given.dtype.is_floating_point else self._given.dtype
        named: torch.dtype = getattr(torch, self._form.dtype)
        return named

    def _padding(self, values: Tensor) -> Tensor:
        """Where the image holds its lowest value (*S) in large connected parts; at the size of ``values``.

        Small parts are no padding: fluid within a brain can be as dark as the surroundings of its mask.
        """
        import torch
        from scipy.ndimage import label
        from torch.nn.functional import interpolate

        given = self._volume
        lowest = (given == given.amin(dim=(1, 2, 3), keepdim=True)).all(0)
        parts = torch.from_numpy(label(lowest.numpy())[0]).long()
        large = parts.flatten().bincount() >= _LEAST_PADDING * parts.numel()
        large[0] = False  # what does not hold the lowest value
        return interpolate(large[parts][None, None].float(), values.shape[1:], mode="nearest")[0, 0] > 0


def prepare(image: MetaTensor, form: VolumeForm, info: BundleInfo, direction: str | None = None) -> PreparedVolume:
    """Scale, turn and, where the network does not know its spacing, resample an image.

    Args:
        image: (in_channels, X, Y, Z) or (in_channels, rows, columns) in image units.
        form: of the bundle.
        info: the bundle.
        direction: name of the direction, for a bundle that has several.

    Raises:
        InputError: the image has no contrast, or its affine no volume.
    """
    from monai_gan.data.geometry import spacing_of
    from monai_gan.data.orientation import Orientation
    from monai_gan.data.resize import resize

    volume, affine = volume_of(image)
    # Of all channels together: their ratio may be what the network looks at.
    scale = form.fit_scale(volume)
    orientation = Orientation.of(affine, form.orientation)
    scaled = orientation.apply(scale.to_model(volume))
    spacing = orientation.per_named_axis(spacing_of(affine))
    known = form.known_spacing(spacing)
    worked = spacing
    # A finer grid is what an enhancer is for: it must not be given another one than its input's.
    if max(form.scale) == 1 and _differ(spacing, known):
        lengths = [n * own for n, own in zip(scaled.shape[1:], spacing, strict=True)]
        size = [max(1, round(length / new)) for length, new in zip(lengths, known, strict=True)]
        scaled = resize(scaled, size)
        worked = tuple(length / n for length, n in zip(lengths, size, strict=True))
    unusual = _unusual(volume, scaled, info, direction)
    warnings = unusual + _warnings(scaled, spacing, known, form, info)
    return PreparedVolume(
        scaled=scaled,
        scale=scale,
        spacing=worked,
        units=form.output_scale.units if form.output_scale is not None else scale.units,
        warnings=warnings,
        _form=form,
        _given=image,
        _volume=volume,
        _orientation=orientation,
        _affine=affine,
    )


def volume_of(image: MetaTensor) -> tuple[Tensor, np.ndarray]:
    """The image as a volume (C, X, Y, Z) with its affine (4, 4); a picture is a volume of one slice."""
    import numpy as np
    import torch

    from monai_gan.data.geometry import as_volume

    affine = np.asarray(image.affine, dtype=np.float64)
    if affine.shape != (4, 4):  # MONAI's readers give a picture a 2-D affine
        whole = np.eye(4)
        whole[:2, :2], whole[:2, 3] = affine[:2, :2], affine[:2, -1]
        affine = whole
    volume, affine = as_volume(image.as_tensor().numpy(), affine)
    return torch.from_numpy(np.ascontiguousarray(volume)), affine


def _unusual(volume: Tensor, scaled: Tensor, info: BundleInfo, direction: str | None) -> list[str]:
    """A sentence on what tells the image from those that the network has seen, if anything does."""
    from monai_gan.data.profile import ProfileLimits, image_profile

    limits = ProfileLimits.from_dict(of_direction(info.extra.get("familiar"), direction) or {})
    unusual = limits.unusual(image_profile(volume, scaled))
    modality = info.extra.get("modality_in") or "an image"
    return [
        f"The image does not look like {modality} as {info.name!r} knows it ({'; '.join(unusual)}): do not rely on the "
        "result."
    ] * bool(unusual)


def _warnings(
    scaled: Tensor,
    spacing: tuple[float, ...],
    known: tuple[float, ...],
    form: VolumeForm,
    info: BundleInfo,
) -> list[str]:
    """What is unusual about the grid of an image, one sentence each."""
    found = []
    if _differ(spacing, known):
        shown, nearest = (" x ".join(f"{length:.3g}" for length in one) for one in (spacing, known))
        how = "it was resampled there and back" if max(form.scale) == 1 else "the result may show false detail"
        found.append(f"Voxels of {shown} mm are unknown to {info.name!r}, the nearest known are {nearest} mm: {how}.")
    if form.num_slices > 1 and scaled.shape[1 + form.axis] < form.num_slices:
        found.append(
            f"{info.name!r} looks at {form.num_slices} neighbouring slices, but there are only "
            f"{scaled.shape[1 + form.axis]}: the outermost were repeated."
        )
    return found


def _differ(spacing: tuple[float, ...], known: tuple[float, ...]) -> bool:
    return any(abs(own - new) > _SAME * own for own, new in zip(spacing, known, strict=True))


def _cast(values: Tensor, dtype: torch.dtype) -> Tensor:
    import torch

    if dtype.is_floating_point:
        return values.to(dtype)
    bounds = torch.iinfo(dtype)
    return values.round().clamp(bounds.min, bounds.max).to(dtype)
