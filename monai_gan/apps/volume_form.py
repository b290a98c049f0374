"""What a bundle's metadata says of the volumes that go in and come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from monai_gan.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from monai_gan.bundle import BundleInfo
    from monai_gan.data import ForegroundScale, IntensityScale

#: An uncertainty map is offered where its rank correlation with the error on test data is at least this.
LEAST_SPEARMAN = 0.3

DType = Literal["uint8", "int16", "float32", "input"]


@dataclass(frozen=True)
class VolumeForm:
    """How volumes are fed to a network and what becomes of its result; the block ``volume`` of a bundle's metadata.

    Args:
        spatial_dims: of the network, 2 or 3.
        in_channels: of an image, without neighbouring slices.
        orientation: axis codes that volumes are brought to, without interpolation.
        axis: of a 2-D network, the axis that slices are perpendicular to.
        num_slices: of a 2-D network, neighbouring slices that are its channels.
        divisor: slices are padded to multiples of this.
        roi_size: windows of the network; None takes whole slices.
        overlap: share that neighbouring windows have in common.
        scale: voxels that a voxel becomes, per axis of ``orientation``.
        spacing_range_mm: (lowest, highest) that the network knows, per axis; None: any.
        background: value of the result where the input is padding; None leaves what the network gives.
        dtype: of the result; "input" keeps integers of the input.
        input_scale: image units to [-1, 1]; found in the image itself for units without a meaning.
        output_scale: [-1, 1] to image units; None: the input's scale and units are kept.
    """

    spatial_dims: int
    in_channels: int
    orientation: str
    axis: int
    num_slices: int
    divisor: int
    roi_size: tuple[int, ...] | None
    overlap: float
    scale: tuple[int, int, int]
    spacing_range_mm: tuple[tuple[float, float], ...] | None
    background: float | None
    dtype: DType
    input_scale: ForegroundScale | IntensityScale
    input_units: str
    output_scale: IntensityScale | None

    @classmethod
    def of(cls, info: BundleInfo) -> VolumeForm:
        """Read it.

        Raises:
            InputError: the metadata lacks what is needed; names the key.
        """
        from monai_gan.data import IntensityScale

        extra = info.extra
        volume, intensity = extra.get("volume"), extra.get("intensity")
        if not isinstance(volume, Mapping) or not isinstance(intensity, Mapping) or "in" not in intensity:
            raise InputError(
                f"Bundle {info.name!r} does not say how volumes are fed to it: add monai_gan.volume and "
                "monai_gan.intensity.in to its metadata.json."
            )
        channels = _channels(info)
        slices = int(volume.get("num_slices", 1)) if info.spatial_dims == 2 else 1
        roi, ranges, background = volume.get("roi_size"), volume.get("spacing_range_mm"), volume.get("background")
        first, second, third = (int(factor) for factor in volume.get("scale", (1, 1, 1)))
        return cls(
            spatial_dims=info.spatial_dims,
            in_channels=max(1, channels // slices),
            orientation=str(volume.get("orientation", "RAS")),
            axis=int(volume.get("axis", 2)),
            num_slices=slices,
            divisor=int(volume.get("divisor", 16)),
            roi_size=None if roi is None else tuple(int(length) for length in roi),
            overlap=float(volume.get("overlap", 0.25)),
            scale=(first, second, third),
            spacing_range_mm=None if ranges is None else tuple((float(low), float(high)) for low, high in ranges),
            background=None if background is None else float(background),
            dtype=volume.get("dtype", "float32"),
            input_scale=_input_scale(intensity["in"]),
            input_units=str(intensity["in"].get("units", "arbitrary")),
            output_scale=IntensityScale.from_dict(intensity["out"]) if "out" in intensity else None,
        )

    def fit_scale(self, image: Tensor) -> IntensityScale:
        """The scale of one image: fixed, or found in it.

        Raises:
            InputError: the image has no contrast.
        """
        from monai_gan.data import IntensityScale

        if isinstance(self.input_scale, IntensityScale):
            return self.input_scale
        return self.input_scale.fit(image, self.input_units)

    def known_spacing(self, spacing: tuple[float, ...]) -> tuple[float, ...]:
        """The nearest spacing that the network knows; of a 2-D network only within its slices."""
        if self.spacing_range_mm is None:
            return spacing
        nearest = [min(max(one, low), high) for one, (low, high) in zip(spacing, self.spacing_range_mm, strict=True)]
        if self.spatial_dims == 2:
            nearest[self.axis] = spacing[self.axis]
        return tuple(nearest)


def of_direction(entry: Any, direction: str | None) -> Any:
    """An entry of the metadata; of a bundle with several directions the part of one, if it is given by direction."""
    return entry[direction] if direction is not None and isinstance(entry, Mapping) and direction in entry else entry


def uncertainty_refusal(info: BundleInfo) -> str:
    """Why a bundle offers no uncertainty map; empty when it offers one."""
    found = info.extra.get("uncertainty")
    spearman = float(found.get("spearman", 0)) if isinstance(found, Mapping) else None
    if spearman is None:
        return f"bundle {info.name!r} was not tested for one"
    if spearman < LEAST_SPEARMAN:
        return (
            f"bundle {info.name!r} ranks its errors too badly for one (rank correlation {spearman:.2f} on test data, "
            f"{LEAST_SPEARMAN} is needed)"
        )
    return ""


def _channels(info: BundleInfo) -> int:
    declared: Any = info.metadata.get("network_data_format", {}).get("inputs", {}).get("image", {}).get("num_channels")
    if not isinstance(declared, int) or declared < 1:
        raise InputError(f"Bundle {info.name!r} tells no number of channels: set num_channels of its input 'image'.")
    return declared


def _input_scale(values: Mapping[str, Any]) -> ForegroundScale | IntensityScale:
    from monai_gan.data import ForegroundScale, IntensityScale

    return ForegroundScale.from_dict(values) if "lower" in values else IntensityScale.from_dict(values)
