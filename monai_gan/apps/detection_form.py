"""What a bundle's metadata says of the images that a detector takes and of what its scores mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from monai_gan.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from monai_gan.bundle import BundleInfo
    from monai_gan.data import IntensityScale, ProfileLimits
    from monai_gan.metrics import ScoreCalibration

#: False-positive rate where neither the user nor the bundle names one, if so many units allow it.
USUAL_RATE = 0.05


@dataclass(frozen=True)
class DetectionForm:
    """How images are fed to a detector; the block ``detection`` of a bundle's metadata.

    Args:
        spatial_dims: of the network, 2 or 3.
        image_size: that the network takes.
        orientation: axis codes that images are brought to; of a 2-D network rows, columns and slices. None: single
            images as they are.
        score: ``"network"``, the score of the paper, or ``"map"``, the mean of the highest share of the map.
        top_share: that share, of the body.
        body_threshold: brightness in [-1, 1] that tells body from air, ``"auto"`` where the image tells it; outside
            nothing is anomalous. None: everywhere.
        percentile: of an image that is not 8-bit, which becomes the brightest value; None: the bundle's range as it is.
        map_threshold: of the map, above which regions are reported; None: no regions.
        rate: false-positive rate by default.
        scale: image units to [-1, 1].
        image_calibration: scores of held-out normal images, or slices.
        volume_calibration: scores of held-out normal volumes, of a 2-D network that works on slices.
        familiar: limits of the profile of images that the network knows.
    """

    spatial_dims: int
    image_size: tuple[int, ...]
    orientation: str | None
    score: Literal["network", "map"]
    top_share: float
    body_threshold: float | Literal["auto"] | None
    percentile: float | None
    map_threshold: float | None
    rate: float | None
    scale: IntensityScale
    image_calibration: ScoreCalibration | None
    volume_calibration: ScoreCalibration | None
    familiar: ProfileLimits

    @classmethod
    def of(cls, info: BundleInfo) -> DetectionForm:
        """Read it.

        Raises:
            InputError: the metadata lacks what is needed; names the key.
        """
        from monai_gan.data import IntensityScale, ProfileLimits

        extra, block = info.extra, info.extra.get("detection", {})
        shape = info.image_size
        if not isinstance(block, Mapping) or not isinstance(extra.get("intensity"), Mapping):
            raise InputError(
                f"Bundle {info.name!r} does not say how images are fed to it: add monai_gan.detection and "
                "monai_gan.intensity to its metadata.json."
            )
        if info.spatial_dims not in (2, 3) or len(shape) != info.spatial_dims:
            raise InputError(
                f"Bundle {info.name!r} tells no image size: set spatial_shape of its output 'pred' and spatial_dims."
            )
        calibration = block.get("calibration", {})
        return cls(
            spatial_dims=info.spatial_dims,
            image_size=shape,
            orientation=block.get("orientation"),
            score=block.get("score", "network"),
            top_share=float(block.get("top_share", 0.01)),
            body_threshold=block.get("body_threshold"),
            percentile=block.get("percentile"),
            map_threshold=block.get("map_threshold"),
            rate=block.get("rate"),
            scale=IntensityScale.from_dict(extra["intensity"]),
            image_calibration=_calibration(calibration.get("image")),
            volume_calibration=_calibration(calibration.get("volume")),
            familiar=ProfileLimits.from_dict(extra.get("familiar") or {}),
        )

    def fit_scale(self, image: Tensor) -> IntensityScale:
        """The scale of one image: the bundle's own for 8-bit ones, else the lowest value and a percentile."""
        import torch

        from monai_gan.data import ForegroundScale, IntensityScale

        if self.percentile is None or image.dtype == torch.uint8:
            return self.scale
        found = ForegroundScale(0.0, 100.0).fit(image)  # refuses images without contrast
        upper = float(torch.quantile(image.float().flatten()[:: max(1, image.numel() // 2**20)], self.percentile / 100))
        return IntensityScale(found.minimum, upper if upper > found.minimum else found.maximum)

    def rate_for(self, rate: float | None, calibration: ScoreCalibration) -> float:
        """The false-positive rate to use: the user's, the bundle's, or the usual one where the units allow it.

        Raises:
            InputError: the user's rate is below what so many units can promise.
        """
        chosen = rate if rate is not None else self.rate
        chosen = max(USUAL_RATE, calibration.least_rate) if chosen is None else chosen
        calibration.threshold(chosen)
        return chosen


def _calibration(values: Any) -> ScoreCalibration | None:
    from monai_gan.metrics import ScoreCalibration

    return ScoreCalibration.from_dict(values) if values else None
