"""Images of another contrast or modality in a MONAI pipeline: for all samples, or for some as augmentation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from monai.config import KeysCollection
from monai.data.meta_obj import get_track_meta
from monai.inferers import Inferer
from monai.transforms import MapTransform, RandomizableTransform, Transform
from monai.utils import convert_to_tensor
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.transforms.conversion import ImageConversion
from monai_gan.transforms.keys import one_per_key
from monai_gan.transforms.opening import Model
from monai_gan.transforms.stand_in import alike, as_real, check_probability, matched


class Translate(Transform):
    """Turn an image into its translation to another contrast or modality, on the same grid.

    It draws nothing at random, so that MONAI's caching datasets keep its images.

    Args:
        model: name or path of a translation bundle, which takes volumes and slices of any orientation in its own units
            and is loaded with the first image, once per process; or a network from images (1, C, *S) in [-1, 1] to
            images (1, C', *S) in [-1, 1], which gets the image as it is and is copied as it is now.
        label: direction by number or name, for a bundle that has several.
        inferer: how a network is run over an image, for instance MONAI's ``SlidingWindowInferer`` or
            :class:`~monai_gan.inferers.StackedSliceInferer`; default: over the whole image at once.
        value_range: values of the images at this place of the pipeline, where they are not in the bundle's image units
            or a network's -1 to 1: what these two become, in the result and, unless the bundle finds the scale in each
            image, also in the input.
        device: "cpu", "cuda", "cuda:1" or "mps"; in a forked process only the CPU is used.
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.

    Raises:
        InputError: the bundle is not found, an inferer is given for it, or a label for a network.

    Example:
        >>> import torch
        >>> from monai_gan.transforms import Translate
        >>> invert = torch.nn.Conv2d(1, 1, 1, bias=False)
        >>> invert.weight.data.fill_(-1.0)
        >>> Translate(invert, value_range=(0, 255))(torch.full((1, 4, 4), 55.0)).mean()  # 200
    """

    def __init__(
        self,
        model: Model,
        *,
        label: int | str | None = None,
        inferer: Inferer | None = None,
        value_range: Sequence[float] | None = None,
        device: str = "cpu",
        trust: bool = False,
    ) -> None:
        self.convert = ImageConversion(
            model, "translation", label=label, inferer=inferer, value_range=value_range, device=device, trust=trust
        )

    def __call__(self, image: Any) -> Tensor:
        """Translate.

        Args:
            image: (C, *S), tensor or array, the whole volume: its scale may be found in it.

        Returns:
            (C', *S), of the type that ``image`` has and on its device. Metadata and trace are those of ``image``, so
            that its transforms can be inverted; ``meta`` has ``synthetic`` (True) and ``provenance``.

        Raises:
            InputError: the image is not for this model, or the model changes the grid.
            WeightsError: weights missing, altered or unsafe.
            InvalidResultError: the result is not finite or, of a bundle, constant.
        """
        given: Tensor = convert_to_tensor(image, track_meta=get_track_meta())
        result = self.convert(given)
        if result.shape[1:] != given.shape[1:]:
            raise InputError(
                f"The model makes {tuple(result.shape[1:])} voxels of {tuple(given.shape[1:])}, no translation: "
                "use SuperResolve for a finer grid."
            )
        return alike(result, given)


class Translated(MapTransform):
    """Dictionary form of ``Translate``; it can keep the source.

    Args:
        keys: entries with images.
        model: as in ``Translate``.
        output_keys: entries that get the translations, one per key; default: they replace the images.
        label: as in ``Translate``.
        inferer: as in ``Translate``.
        value_range: as in ``Translate``.
        device: as in ``Translate``.
        trust: as in ``Translate``.
        allow_missing_keys: do not fail on a missing key.

    Raises:
        InputError: as ``Translate``, or there are not as many output keys as keys.
    """

    def __init__(
        self,
        keys: KeysCollection,
        model: Model,
        *,
        output_keys: KeysCollection | None = None,
        label: int | str | None = None,
        inferer: Inferer | None = None,
        value_range: Sequence[float] | None = None,
        device: str = "cpu",
        trust: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = None if output_keys is None else one_per_key("output_keys", output_keys, self.keys)
        self.translate = Translate(
            model, label=label, inferer=inferer, value_range=value_range, device=device, trust=trust
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        for key, output in self.key_iterator(data, self.output_keys or self.keys):
            sample[output] = self.translate(data[key])
        return sample


class RandTranslate(RandomizableTransform):
    """With some probability, the translation of an image in its place: augmentation across modality.

    The grid stays, so that what is known of each voxel stays true.

    Args:
        model: as in ``Translate``.
        prob: probability of a translation.
        label: as in ``Translate``.
        inferer: as in ``Translate``.
        value_range: as in ``Translate``; give the values of the real images at this place of the pipeline, or put it
            before their intensities are scaled.
        device: as in ``Translate``.
        trust: as in ``Translate``.

    Raises:
        InputError: as ``Translate``, or ``prob`` is out of range.
    """

    def __init__(
        self,
        model: Model,
        prob: float = 0.5,
        *,
        label: int | str | None = None,
        inferer: Inferer | None = None,
        value_range: Sequence[float] | None = None,
        device: str = "cpu",
        trust: bool = False,
    ) -> None:
        check_probability(prob)
        super().__init__(prob)
        self.translate = Translate(
            model, label=label, inferer=inferer, value_range=value_range, device=device, trust=trust
        )

    def __call__(self, image: Any, randomize: bool = True) -> Tensor:
        """Give the image or its translation.

        Args:
            image: (C, *S), tensor or array, the whole volume.
            randomize: draw anew; False repeats the last draw.

        Returns:
            (C, *S) of the type that ``image`` has; a ``MetaTensor``'s ``meta["synthetic"]`` tells which of the two it
            is.

        Raises:
            InputError: as ``Translate``, or the translation has another number of channels.
        """
        if randomize:
            self.randomize(None)
        real = as_real(image)
        return matched(self.translate(real), real) if self._do_transform else real


class RandTranslated(RandomizableTransform, MapTransform):
    """Dictionary form of ``RandTranslate``: one draw for all keys of a sample.

    Entries that describe the image voxel by voxel, such as a segmentation, stay valid. A translation costs a pass of
    the network over the volume each time; ``Translated(output_keys=...)`` before the first random transform makes it
    once for a caching dataset, and ``translated_keys`` takes it from there.

    Args:
        keys: entries with images.
        model: as in ``Translate``; None with ``translated_keys``.
        prob: probability of a translation.
        translated_keys: entries, one per key, that hold the translations already.
        synthetic_key: entry that tells whether the sample was translated, as a bool; None for no entry.
        label: as in ``Translate``.
        inferer: as in ``Translate``.
        value_range: as in ``RandTranslate``.
        device: as in ``Translate``.
        trust: as in ``Translate``.
        allow_missing_keys: do not fail on a missing key.

    Raises:
        InputError: as ``RandTranslate``, or not exactly one of ``model`` and ``translated_keys`` is given.
    """

    def __init__(
        self,
        keys: KeysCollection,
        model: Model | None = None,
        prob: float = 0.5,
        *,
        translated_keys: KeysCollection | None = None,
        synthetic_key: Hashable | None = "synthetic",
        label: int | str | None = None,
        inferer: Inferer | None = None,
        value_range: Sequence[float] | None = None,
        device: str = "cpu",
        trust: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        check_probability(prob)
        if (model is None) == (translated_keys is None):
            raise InputError(f"model={model} and translated_keys={translated_keys}: give exactly one of the two.")
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        self.translated_keys = (
            None if translated_keys is None else one_per_key("translated_keys", translated_keys, self.keys)
        )
        self.synthetic_key = synthetic_key
        self.translate = (
            None
            if model is None
            else Translate(model, label=label, inferer=inferer, value_range=value_range, device=device, trust=trust)
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        self.randomize(None)
        sample = dict(data)
        for key, made in self.key_iterator(data, self.translated_keys or self.keys):
            real = as_real(data[key])
            if self._do_transform:
                sample[key] = matched(self.translate(real) if self.translate else as_real(data[made]), real)
            else:
                sample[key] = real
        if self.synthetic_key is not None:
            sample[self.synthetic_key] = self._do_transform
        return sample
