"""Bring images of arbitrary units to [-1, 1] by their own foreground, and back."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform
from monai.utils import convert_to_tensor
from torch import Tensor

from monai_gan.data.foreground import ForegroundScale
from monai_gan.data.scaling import IntensityScale


class ScaleForeground(InvertibleTransform):
    """Scale a volume to [-1, 1] by percentiles of itself; see :class:`~monai_gan.data.ForegroundScale`.

    Values beyond the bounds are clipped, so that the inverse gives back what lies between them.

    Args:
        lower: percentile of all values that becomes -1.
        upper: percentile of the foreground that becomes 1.

    Raises:
        InputError: a percentile is out of range, or at the call the image has no contrast or values that are not
            finite.
    """

    def __init__(self, lower: float = 1.0, upper: float = 99.5) -> None:
        self.scale = ForegroundScale(lower, upper)

    def __call__(self, image: Any) -> MetaTensor:
        """(C, *S) in any units to [-1, 1], float32; the metadata keeps the bounds as ``intensity_scale``."""
        found: MetaTensor = convert_to_tensor(image, track_meta=True)
        scale = self.scale.fit(found)
        result = MetaTensor(
            scale.to_model(found.as_subclass(Tensor)), meta=found.meta, applied_operations=found.applied_operations
        )
        result.meta["intensity_scale"] = scale.as_dict()
        self.push_transform(result, extra_info=scale.as_dict())  # type: ignore[no-untyped-call]
        return result

    def inverse(self, data: MetaTensor) -> MetaTensor:
        """Back to the units that the image had."""
        bounds = self.pop_transform(data)["extra_info"]  # type: ignore[no-untyped-call]
        restored = IntensityScale.from_dict(bounds).to_image(data.as_subclass(Tensor))
        result = MetaTensor(restored, meta=data.meta, applied_operations=data.applied_operations)
        result.meta.pop("intensity_scale", None)
        return result


class ScaleForegroundd(MapTransform, InvertibleTransform):
    """Dictionary form of :class:`ScaleForeground`; each entry is scaled by itself.

    Args:
        keys: entries to scale.
        lower, upper: as there.
        allow_missing_keys: whether to pass over samples that lack a key.
    """

    def __init__(
        self, keys: KeysCollection, lower: float = 1.0, upper: float = 99.5, allow_missing_keys: bool = False
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.scale = ScaleForeground(lower, upper)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The sample with the scaled entries."""
        sample = dict(data)
        for key in self.key_iterator(sample):  # type: ignore[no-untyped-call]
            sample[key] = self.scale(sample[key])
        return sample

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The sample with its entries in their own units again."""
        sample = dict(data)
        for key in self.key_iterator(sample):  # type: ignore[no-untyped-call]
            sample[key] = self.scale.inverse(sample[key])
        return sample
