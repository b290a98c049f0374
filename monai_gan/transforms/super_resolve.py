"""Images of a higher resolution or with less noise in a MONAI pipeline, and what was found on them led back."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from monai.config import KeysCollection
from monai.data.meta_obj import get_track_meta
from monai.data.meta_tensor import MetaTensor
from monai.inferers import Inferer
from monai.transforms import InvertibleTransform, MapTransform
from monai.utils import convert_to_tensor
from torch import Tensor
from torch.nn.functional import avg_pool2d, avg_pool3d

from monai_gan.data.geometry import rescaled_affine
from monai_gan.errors import InputError
from monai_gan.transforms.conversion import ImageConversion, grid_factors
from monai_gan.transforms.opening import Model
from monai_gan.transforms.stand_in import alike

Mode = Literal["mean", "nearest"]
#: What MONAI calls them: ``Invertd(nearest_interp=True)`` looks for such a name and puts "nearest" there.
_RECORDED = {"mean": "area", "nearest": "nearest"}


class SuperResolve(InvertibleTransform):
    """Turn an image into one of higher resolution, or with less noise, that fills the same box.

    Its inverse brings what lies on the finer grid, such as a segmentation of the result, back to the grid of the image;
    it does not give back the image. It draws nothing at random, so that MONAI's caching datasets keep its images.

    Args:
        model: name or path of an enhancement bundle, which takes volumes and slices of any orientation in its own units
            and is loaded with the first image, once per process; or a network from images (1, C, *S) in [-1, 1] to
            images (1, C', *S') in [-1, 1], S' a multiple of S, which gets the image as it is and is copied as it is
            now.
        mode: how the inverse makes one voxel of several: "mean", or "nearest" for the one at the centre (behind it
            where their number is even). MONAI's ``Invertd`` takes "nearest" unless told ``nearest_interp=False``. The
            mean of one-hot channels is the share of each class.
        label: direction by number or name, for a bundle that has several.
        inferer: how a network is run over an image, for instance MONAI's ``SlidingWindowInferer``; default: over the
            whole image at once.
        value_range: values of the images at this place of the pipeline, where they are not in the bundle's image units
            or a network's -1 to 1. A bundle that keeps the image's own units needs none.
        device: "cpu", "cuda", "cuda:1" or "mps"; in a forked process only the CPU is used.
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.

    Raises:
        InputError: the bundle is not found, an inferer is given for it or a label for a network, or the mode is
            unknown.
    """

    def __init__(
        self,
        model: Model,
        *,
        mode: Mode = "mean",
        label: int | str | None = None,
        inferer: Inferer | None = None,
        value_range: Sequence[float] | None = None,
        device: str = "cpu",
        trust: bool = False,
    ) -> None:
        if mode not in get_args(Mode):
            raise InputError(f"mode={mode!r} is unknown: give 'mean' or 'nearest'.")
        self.mode = mode
        self.convert = ImageConversion(
            model, "enhancement", label=label, inferer=inferer, value_range=value_range, device=device, trust=trust
        )

    def __call__(self, image: Any) -> Tensor:
        """Enhance.

        Args:
            image: (C, *S), tensor or array, the whole volume: its scale may be found in it.

        Returns:
            (C', *S') of the type that ``image`` has and on its device, with the affine of the finer grid; ``meta`` has
            ``synthetic`` (True) and ``provenance``.

        Raises:
            InputError: the image is not for this model, or S' is no multiple of S.
            WeightsError: weights missing, altered or unsafe.
            InvalidResultError: the result is not finite or, of a bundle, constant.
        """
        given: Tensor = convert_to_tensor(image, track_meta=get_track_meta())
        result = alike(self.convert(given), given)
        factors = grid_factors(given.shape[1:], result.shape[1:])
        extra = {"factors": factors, "mode": _RECORDED[self.mode]}
        recorded: Tensor = self.push_transform(result, orig_size=tuple(given.shape[1:]), extra_info=extra)
        return recorded

    def inverse(self, data: MetaTensor) -> MetaTensor:
        """Bring what lies on the finer grid back to the grid that the image had.

        Args:
            data: (C, *S') with the trace of an enhanced image.

        Returns:
            (C, *S) with the affine of the image; means of whole numbers are float32.

        Raises:
            InputError: ``data`` has another size than the enhanced image had.
        """
        done = self.pop_transform(data)
        factors = tuple(int(factor) for factor in done["extra_info"]["factors"])
        size = [int(length) * factor for length, factor in zip(done["orig_size"], factors, strict=True)]
        if list(data.shape[1:]) != size:
            raise InputError(f"SuperResolve made {size} voxels, and {list(data.shape[1:])} cannot be brought back.")
        values = data.as_tensor()
        if done["extra_info"]["mode"] == "nearest":
            centres = (slice(None), *(slice(factor // 2, None, factor) for factor in factors))
            values = values[centres].contiguous()
        elif max(factors) > 1:
            pool: Any = avg_pool2d if len(factors) == 2 else avg_pool3d
            values = pool(values if values.is_floating_point() else values.float(), factors, factors)
        result = MetaTensor(values, meta=data.meta, applied_operations=data.applied_operations)
        result.affine = torch.from_numpy(rescaled_affine(data.affine.numpy(), [1 / factor for factor in factors]))
        return result


class SuperResolved(MapTransform, InvertibleTransform):
    """Dictionary form of ``SuperResolve``.

    Entries that describe the image voxel by voxel stay on the coarse grid: MONAI's ``ResampleToMatchd`` brings them to
    that of the result.

    Args:
        keys: entries with images.
        model: as in ``SuperResolve``.
        mode: as in ``SuperResolve``.
        label: as in ``SuperResolve``.
        inferer: as in ``SuperResolve``.
        value_range: as in ``SuperResolve``.
        device: as in ``SuperResolve``.
        trust: as in ``SuperResolve``.
        allow_missing_keys: do not fail on a missing key.

    Raises:
        InputError: as ``SuperResolve``.
    """

    def __init__(
        self,
        keys: KeysCollection,
        model: Model,
        *,
        mode: Mode = "mean",
        label: int | str | None = None,
        inferer: Inferer | None = None,
        value_range: Sequence[float] | None = None,
        device: str = "cpu",
        trust: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.super_resolve = SuperResolve(
            model, mode=mode, label=label, inferer=inferer, value_range=value_range, device=device, trust=trust
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        for key in self.key_iterator(sample):
            sample[key] = self.super_resolve(sample[key])
        return sample

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        for key in self.key_iterator(sample):
            sample[key] = self.super_resolve.inverse(sample[key])
        return sample
