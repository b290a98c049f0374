"""Anomaly maps of images in a MONAI pipeline."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data.meta_obj import get_track_meta
from monai.data.meta_tensor import MetaTensor
from monai.transforms import MapTransform, Transform
from monai.utils import convert_to_tensor
from torch import Tensor, nn

from monai_gan.data.scaling import IntensityScale
from monai_gan.errors import InputError
from monai_gan.transforms.keys import one_per_key
from monai_gan.transforms.opening import Model, PerProcess, open_bundle, place, settle, usable_device


class AnomalyMap(Transform):
    """The anomaly map of an image, on its grid; the score and what it means in the metadata.

    It draws nothing at random, so that MONAI's caching datasets keep its maps.

    Args:
        model: name or path of a detection bundle, which takes images of any grid in its own units and is loaded with
            the first image, once per process; or a :class:`~monai_gan.networks.nets.DetectionNetwork`, which gets the
            image as it is, in [-1, 1], and is copied as it is now.
        rate: false-positive rate of a bundle's threshold; by default the bundle's own.
        value_range: values of the images at this place of the pipeline, where they are not in the bundle's image units
            or in a network's -1 to 1: what these two have become.
        device: "cpu", "cuda", "cuda:1" or "mps"; in a forked process only the CPU is used.
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.

    Raises:
        InputError: the bundle is not found, the network is no detector, or a rate is given for it.

    Example:
        >>> import torch
        >>> from monai_gan.networks.nets import ReconstructionNetwork
        >>> from monai_gan.transforms import AnomalyMap
        >>> black = torch.nn.Conv2d(1, 1, 1)
        >>> _ = torch.nn.init.zeros_(black.weight), torch.nn.init.constant_(black.bias, -1.0)
        >>> AnomalyMap(ReconstructionNetwork(black))(torch.zeros(1, 4, 4)).mean()  # 1: grey instead of black
    """

    def __init__(
        self,
        model: Model,
        *,
        rate: float | None = None,
        value_range: tuple[float, float] | None = None,
        device: str = "cpu",
        trust: bool = False,
    ) -> None:
        if isinstance(model, nn.Module):
            if not hasattr(model, "detect"):
                raise InputError(f"model is a {type(model).__name__}, no detector: give one with a method detect().")
            if rate is not None:
                raise InputError(f"rate={rate} is for a bundle: a network has no calibration.")
        self.model = settle(model)
        self.rate = rate
        self.range = None if value_range is None else IntensityScale(float(value_range[0]), float(value_range[1]))
        self.device = device
        self.trust = trust
        self._process = PerProcess(_Process)

    def __call__(self, image: Any) -> Tensor:
        """Detect.

        Args:
            image: (1, *S), tensor or array.

        Returns:
            Map (1, *S), float32, at least 0, with the metadata of ``image``; ``meta["anomaly"]`` holds the score and,
            of a bundle, percentile, p-value, threshold, verdict, regions and report.

        Raises:
            InputError: the image is not for this model.
            WeightsError: weights missing, altered or unsafe.
            InvalidResultError: the result is not finite.
        """
        given: Tensor = convert_to_tensor(image, track_meta=get_track_meta())
        with self._process.mine() as process:
            if process.opened is None:
                process.opened = self._open()
            if isinstance(self.model, nn.Module):
                values, found = _of_network(process.opened, given, self.range, usable_device(self.device))
            else:
                values, found = _of_bundle(process.opened, given, self.range, self.rate)
        if not isinstance(given, MetaTensor):
            return values
        result = MetaTensor(values, meta={**given.meta, "anomaly": found})
        result.applied_operations = list(given.applied_operations)
        return result

    def _open(self) -> Any:
        device = usable_device(self.device)
        if isinstance(self.model, nn.Module):
            return place(self.model, device)
        return open_bundle(self.model, "anomaly_detection", device, self.trust)


class AnomalyMapd(MapTransform):
    """Dictionary form of ``AnomalyMap``; the images stay.

    Args:
        keys: entries with images.
        model: as in ``AnomalyMap``.
        output_keys: entries that get the maps, one per key; by default ``<key>_anomaly``.
        rate: as in ``AnomalyMap``.
        value_range: as in ``AnomalyMap``.
        device: as in ``AnomalyMap``.
        trust: as in ``AnomalyMap``.
        allow_missing_keys: do not fail on a missing key.

    Raises:
        InputError: as ``AnomalyMap``, or there are not as many output keys as keys.
    """

    def __init__(
        self,
        keys: KeysCollection,
        model: Model,
        *,
        output_keys: KeysCollection | None = None,
        rate: float | None = None,
        value_range: tuple[float, float] | None = None,
        device: str = "cpu",
        trust: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        names = [f"{key}_anomaly" for key in self.keys] if output_keys is None else output_keys
        self.output_keys = one_per_key("output_keys", names, self.keys)
        self.detect = AnomalyMap(model, rate=rate, value_range=value_range, device=device, trust=trust)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        for key, output in self.key_iterator(data, self.output_keys):
            sample[output] = self.detect(data[key])
        return sample


@dataclass
class _Process:
    """What one process has opened."""

    opened: Any = None


def _of_network(
    network: Any, image: Tensor, scale: IntensityScale | None, device: str
) -> tuple[Tensor, dict[str, Any]]:
    scaled = (scale or IntensityScale(-1.0, 1.0)).to_model(image.as_subclass(Tensor))
    with torch.inference_mode():
        found = network.detect(scaled[None].to(device))
    # Cloned: what comes of inference mode cannot take part in a later training step.
    return found.map[0].float().cpu().clone(), {"score": float(found.score[0])}


def _of_bundle(
    detector: Any, image: Tensor, scale: IntensityScale | None, rate: float | None
) -> tuple[Tensor, dict[str, Any]]:
    if scale is not None:
        moved = detector.form.scale.to_image(scale.to_model(image))
        image = MetaTensor(moved.as_subclass(Tensor), meta=image.meta) if isinstance(image, MetaTensor) else moved
    result = detector(image, rate=rate)
    names = ("score", "percentile", "p_value", "threshold", "is_anomalous", "regions", "slices", "report")
    return result.map.as_tensor(), {name: getattr(result, name) for name in names}
