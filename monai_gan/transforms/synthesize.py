"""Synthetic images as samples of a MONAI pipeline: in place of an index, of a real image, or beside one."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Mapping
from typing import Any, Literal, get_args

import numpy as np
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms import MapTransform, Randomizable, RandomizableTransform, Transform
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.transforms.opening import Model
from monai_gan.transforms.series import Label, SyntheticSeries
from monai_gan.transforms.stand_in import as_real, check_probability, matched

Mode = Literal["replace", "add"]
#: Without a pool a random sample has a number below this.
ENDLESS = 2**31 - 1


class Synthesize(Transform):
    """Turn a number into the synthetic image of that number, as ``LoadImage`` turns a file name into an image.

    It draws nothing at random, so that MONAI's caching datasets keep its images.

    Args:
        model: name or path of a synthesis bundle; a network ``forward(image, label=None)`` with ``latent_size`` that
            turns latents (N, Z) into images in [-1, 1]; or a mapping from class to one of these. A bundle is loaded
            with the first image, once per process, and only the CPU is used in a forked one.
        seed: of the series: image i is the one that ``monai-gan synthesize BUNDLE --seed SEED`` writes as number i.
        value_range: values that the network's -1 and 1 become; default: the bundle's image units, or -1 and 1 for a
            network.
        transpose: swap the axes of 2-D images: MONAI's readers put the columns of a picture first, this package rows.
        device: "cpu", "cuda", "cuda:1" or "mps".
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.

    Raises:
        InputError: the bundle is not found, or the network has no ``latent_size``.

    Example:
        >>> from monai_gan.transforms import Synthesize
        >>> image = Synthesize("chest_xray_wgan_gp")(0)  # MetaTensor (1, 64, 64), grey levels 0..255
    """

    def __init__(
        self,
        model: Model | Mapping[Label, Model],
        seed: int = 0,
        *,
        value_range: tuple[float, float] | None = None,
        transpose: bool = False,
        device: str = "cpu",
        trust: bool = False,
    ) -> None:
        self.series = SyntheticSeries(
            model, seed, value_range=value_range, transpose=transpose, device=device, trust=trust
        )

    def __call__(self, index: int, label: Any = None) -> MetaTensor:  # type: ignore[override]
        """Make an image.

        Args:
            index: number in the series, at least 0.
            label: class by number or name, for a conditional model or one model per class.

        Returns:
            Image (C, *S), float32; ``meta["synthetic"]`` is True and ``meta["provenance"]`` tells its origin as JSON.
        """
        return self.series(_as_index(index), as_label(label))


class Synthesized(MapTransform):
    """Dictionary form of ``Synthesize``: ``{"image": 7, "label": 1}`` becomes a sample with an image.

    Args:
        keys: entries that hold a number, and get its image.
        model: as in ``Synthesize``.
        seed: as in ``Synthesize``.
        label_key: entry with the class (an integer, a name, or a tensor with one integer); default: no class.
        value_range: as in ``Synthesize``.
        transpose: as in ``Synthesize``.
        device: as in ``Synthesize``.
        trust: as in ``Synthesize``.
        allow_missing_keys: do not fail on a missing key.

    Raises:
        InputError: as ``Synthesize``.
    """

    def __init__(
        self,
        keys: KeysCollection,
        model: Model | Mapping[Label, Model],
        seed: int = 0,
        *,
        label_key: Hashable | None = None,
        value_range: tuple[float, float] | None = None,
        transpose: bool = False,
        device: str = "cpu",
        trust: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.label_key = label_key
        self.synthesize = Synthesize(
            model, seed, value_range=value_range, transpose=transpose, device=device, trust=trust
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        label = label_of(sample, self.label_key)
        for key in self.key_iterator(sample):
            sample[key] = self.synthesize(sample[key], label)
        return sample


class RandSynthesize(RandomizableTransform):
    """With some probability, a synthetic image in place of the real one.

    Which image is drawn from MONAI's random state, so that ``set_random_state`` repeats it.

    Args:
        model: as in ``Synthesize``; with one model per class, images of a class without one stay as they are.
        prob: probability of a synthetic image.
        pool: draw from the first so many images of the series, which each process keeps in memory; default: a new
            image each time.
        seed: as in ``Synthesize``.
        value_range: as in ``Synthesize``; give the values of the real images at this place of the pipeline.
        transpose: as in ``Synthesize``.
        device: as in ``Synthesize``.
        trust: as in ``Synthesize``.

    Raises:
        InputError: as ``Synthesize``, or ``prob`` or ``pool`` is out of range.
    """

    def __init__(
        self,
        model: Model | Mapping[Label, Model],
        prob: float = 0.5,
        *,
        pool: int | None = None,
        seed: int = 0,
        value_range: tuple[float, float] | None = None,
        transpose: bool = False,
        device: str = "cpu",
        trust: bool = False,
    ) -> None:
        check_probability(prob)
        if pool is not None and pool < 1:
            raise InputError(f"pool={pool} is not possible: give 1 or more, or None for a new image each time.")
        super().__init__(prob)
        self.pool = pool
        self.series = SyntheticSeries(
            model,
            seed,
            value_range=value_range,
            transpose=transpose,
            device=device,
            trust=trust,
            keep=pool is not None,
        )
        self.index = 0

    def randomize(self, data: Any = None) -> None:
        """Draw whether, and which number of the series."""
        super().randomize(data)
        if self._do_transform:
            self.index = int(self.R.randint(self.pool or ENDLESS))

    def __call__(self, image: Any, label: Any = None, randomize: bool = True) -> Tensor:
        """Give the image or a synthetic one.

        Args:
            image: real image (C, *S), tensor or array.
            label: its class, which the synthetic image gets, for a conditional model or one model per class.
            randomize: draw anew; False repeats the last draw.

        Returns:
            A ``MetaTensor`` whose ``meta["synthetic"]`` tells which of the two it is, of the type that ``image`` has
            and on its device.

        Raises:
            InputError: the two have different numbers of axes or channels, or the label is unknown.
        """
        if randomize:
            self.randomize()
        label = as_label(label)
        real = as_real(image)
        return matched(self.series(self.index, label), real) if self.draws(label) else real

    def draws(self, label: Label | None) -> bool:
        """Whether the last draw asks for a synthetic image of this class."""
        return self._do_transform and self.series.serves(label)


class RandSynthesized(Randomizable, MapTransform):
    """Dictionary form of ``RandSynthesize``; it can also add the synthetic sample to the real one.

    Entries that describe the real image voxel by voxel, such as a segmentation, do not fit a synthetic one: use it for
    labels of whole images.

    Args:
        keys: entries with images; all get the same synthetic image.
        model: as in ``RandSynthesize``.
        prob: probability of a synthetic sample.
        mode: ``"replace"`` the real image, or ``"add"``: always give a list, of the real sample and, with probability
            ``prob``, a synthetic twin with the same other entries. MONAI's ``DataLoader`` joins such lists, so that the
            batch size varies.
        label_key: as in ``Synthesized``.
        synthetic_key: entry that tells whether the sample is synthetic, as a bool; None for no entry.
        pool: as in ``RandSynthesize``.
        seed: as in ``RandSynthesize``.
        value_range: as in ``RandSynthesize``.
        transpose: as in ``RandSynthesize``.
        device: as in ``RandSynthesize``.
        trust: as in ``RandSynthesize``.
        allow_missing_keys: do not fail on a missing key.

    Raises:
        InputError: as ``RandSynthesize``, or the mode is unknown.
    """

    def __init__(
        self,
        keys: KeysCollection,
        model: Model | Mapping[Label, Model],
        prob: float = 0.5,
        *,
        mode: Mode = "replace",
        label_key: Hashable | None = None,
        synthetic_key: Hashable | None = "synthetic",
        pool: int | None = None,
        seed: int = 0,
        value_range: tuple[float, float] | None = None,
        transpose: bool = False,
        device: str = "cpu",
        trust: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        if mode not in get_args(Mode):
            raise InputError(f"mode={mode!r} is unknown: give 'replace' or 'add'.")
        super().__init__(keys, allow_missing_keys)
        self.mode = mode
        self.label_key = label_key
        self.synthetic_key = synthetic_key
        self.replace = RandSynthesize(
            model,
            prob,
            pool=pool,
            seed=seed,
            value_range=value_range,
            transpose=transpose,
            device=device,
            trust=trust,
        )

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> RandSynthesized:
        super().set_random_state(seed, state)
        self.replace.set_random_state(seed, state)
        return self

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any] | list[dict[Hashable, Any]]:
        self.replace.randomize()
        label = label_of(data, self.label_key)
        draws = self.replace.draws(label)
        real, twin = dict(data), dict(data)
        for key in self.key_iterator(data):
            real[key] = as_real(data[key])
            if draws:
                twin[key] = matched(self.replace.series(self.replace.index, label), real[key])
        if self.synthetic_key is not None:
            real[self.synthetic_key], twin[self.synthetic_key] = False, True
        if self.mode == "add":
            return [real, twin] if draws else [real]
        return twin if draws else real


def label_of(data: Mapping[Hashable, Any], key: Hashable | None) -> Label | None:
    """The class of a sample; None without a key.

    Raises:
        InputError: the entry is missing or no class.
    """
    if key is None:
        return None
    if key not in data:
        raise InputError(f"label_key={key!r} is not in the sample, which has: {', '.join(map(str, data))}.")
    return as_label(data[key])


def as_label(value: Any) -> Label | None:
    """A class as a number or a name, also out of a tensor or array with one integer.

    Raises:
        InputError: it is something else.
    """
    if value is None or isinstance(value, str):
        return value
    try:
        number: Any = value.item() if isinstance(value, (Tensor, np.ndarray)) else value
        return operator.index(number)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"label={value!r} is no class: give a whole number or a name.") from None


def _as_index(value: Any) -> int:
    index = as_label(value)
    if not isinstance(index, int) or index < 0:
        raise InputError(f"index={value!r} is no number of a sample: give 0 or more.")
    return index
