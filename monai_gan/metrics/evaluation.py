"""All figures of several sets of images against one set of real images, on equal terms, as one table."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.checks import check_images, check_range, check_variation, warn_caller
from monai_gan.metrics.diversity import ms_ssim_diversity
from monai_gan.metrics.extractors import load_extractor
from monai_gan.metrics.features import FeatureExtractor
from monai_gan.metrics.fid import frechet_distance, warn_of_few
from monai_gan.metrics.hashing import tensor_bytes
from monai_gan.metrics.kid import kernel_distance, subset_size_for
from monai_gan.metrics.memorisation import Memorisation, memorisation, memorisation_pixels
from monai_gan.metrics.precision_recall import density_coverage, precision_recall
from monai_gan.metrics.sliced_wasserstein import sliced_wasserstein
from monai_gan.metrics.statistics import FeatureStatistics

#: Name of the row of real images against real images.
FLOOR = "real images (floor)"
#: Names of the sets that rows are compared with; no row may have them.
REFERENCE, TRAINING = "reference", "training images"

Better = Literal["lower", "higher", "equal", "half"]


@dataclass(frozen=True)
class Figure:
    """One figure of one row.

    Attributes:
        value: the figure.
        sd: standard deviation over random subsets of the images, where the figure has one.
        interval: 95 % interval, where the figure has one.
        chance: range of the figure by chance alone, where the figure has one.
    """

    value: float
    sd: float | None = None
    interval: tuple[float, float] | None = None
    chance: tuple[float, float] | None = None


@dataclass(frozen=True)
class FigureInfo:
    """What a column of the table means.

    Attributes:
        label: a short text for people.
        better: ``"lower"``, ``"higher"``, ``"equal"`` (to that of real images) or ``"half"`` (0.5 is right).
        headline: whether it is the figure to judge by.
    """

    label: str
    better: Better
    headline: bool = False


@dataclass(frozen=True)
class Evaluation:
    """A table of figures with all that a reader needs to repeat it.

    Attributes:
        rows: figures by their name, by the name of the row; real images against real images come first.
        figures: what the columns mean, in their order; the headline comes first.
        n: images in every row and in the reference.
        reference: number, shape and checksums of the real images that all rows are compared with.
        extractor: what :meth:`FeatureExtractor.describe` gives.
        settings: seed, neighbours, subsets and the like.
        warnings: texts of the warnings on the way.
    """

    rows: dict[str, dict[str, Figure]]
    figures: dict[str, FigureInfo]
    n: int
    reference: dict[str, Any]
    extractor: dict[str, Any]
    settings: dict[str, Any]
    warnings: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The table in plain JSON types; what a figure does not have is left out."""
        plain = asdict(self)
        plain["rows"] = {
            row: {
                name: {key: list(v) if isinstance(v, tuple) else v for key, v in figure.items() if v is not None}
                for name, figure in figures.items()
            }
            for row, figures in plain["rows"].items()
        }
        return plain

    def best(self, figure: str, among: Sequence[str] | None = None) -> str:
        """Name of the row whose figure is best.

        Args:
            figure: name of the figure.
            among: the rows that compete; None is all but the floor.

        Raises:
            InputError: if there is no such figure or no row.
        """
        rows = [row for row in self.rows if row != FLOOR] if among is None else list(among)
        if figure not in self.figures or not rows or not set(rows) <= set(self.rows):
            raise InputError(
                f"figure='{figure}' among {rows} is not in the table; it has {', '.join(self.figures)} of "
                f"{', '.join(self.rows)}."
            )
        floor = self.rows[FLOOR][figure].value
        cost: dict[Better, Callable[[float], float]] = {
            "lower": lambda value: value,
            "higher": lambda value: -value,
            "equal": lambda value: abs(value - floor),
            "half": lambda value: abs(value - 0.5),
        }
        return min(rows, key=lambda row: cost[self.figures[figure].better](self.rows[row][figure].value))


def evaluate_sets(
    real: Tensor,
    sets: Mapping[str, Tensor],
    extractor: FeatureExtractor | None = None,
    *,
    floor: Tensor | None = None,
    train: Tensor | None = None,
    value_range: tuple[float, float] = (-1.0, 1.0),
    n: int | None = None,
    k: int = 5,
    subsets: int = 100,
    max_shift: int = 2,
    seed: int = 0,
    batch_size: int = 64,
    progress: Callable[[float, str], None] | None = None,
) -> Evaluation:
    """Measure sets of images against real ones, with equal numbers and a floor of real images against real images.

    Args:
        real: the reference (N, C, *S): real images that no training and no choice has seen, the test part.
        sets: the rows, images (M, C, *S) by name: a model, the same untrained, baselines, earlier versions.
        extractor: None is ``load_extractor()``, EfficientNet-Lite0 from the extra ``metrics``.
        floor: more real images of other persons, the validation part, for the floor; without them ``real`` is divided
            at random and its halves are compared, so that every row has half as many images.
        train: the images that the model was trained on, which adds the figures of memorisation; all of them, because a
            model may repeat any.
        value_range: smallest and largest value, of all images.
        n: images in every row; None is the size of the smallest set. Of larger sets n random ones are taken.
        k: neighbours of precision, recall, density and coverage.
        subsets: random subsets of the kernel distance.
        max_shift: pixels of translation that are undone before pixels are compared with training images.
        seed: of every random choice.
        batch_size: images in the network at once.
        progress: is told the fraction done, 0..1, and what is being done; it may raise to cancel.

    Returns:
        The table.

    Warns:
        UserWarning: for fewer images than features, for a set whose images all have the same features, and for a set
            whose values are spread unlike those of ``real``; the texts are kept in the table as well.

    Raises:
        InputError: if there are too few images, or a set is not finite, outside of ``value_range`` or of another shape.
    """
    value_range = check_range(value_range)
    if extractor is None:
        extractor = load_extractor(value_range=value_range)
    if extractor.value_range != value_range:
        raise InputError(
            f"value_range={value_range} differs from that of extractor '{extractor.name}', {extractor.value_range}; "
            "build the extractor with the range of the images."
        )
    taken = (FLOOR, REFERENCE, TRAINING)
    if not sets or any(name in sets for name in taken):
        raise InputError(f"sets={list(sets)} must name one set or more, and none of them {', '.join(taken)}.")
    generator = torch.Generator().manual_seed(seed)
    reference, rows = _equal_sets(real, {} if floor is None else {FLOOR: floor}, sets, value_range, n, k, generator)
    tell = progress or (lambda fraction, message: None)
    everything = {REFERENCE: reference, **rows}
    if train is not None:
        everything[TRAINING] = _fitting(train, "train", reference, value_range)
    features = _all_features(everything, extractor, batch_size, lambda fraction, text: tell(0.8 * fraction, text))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_few(len(reference), extractor.size)
        for name, images in rows.items():
            _warn_of_other_range(reference, images, name)
            check_variation(bool((features[name] != features[name][0]).any()), name)
    texts = [str(one.message) for one in caught]
    for text in texts:
        warn_caller(text)
    settings = {"seed": seed, "k": k, "subsets": subsets, "max_shift": max_shift}
    table: dict[str, dict[str, Figure]] = {}
    for i, name in enumerate(rows):
        tell(0.8 + 0.2 * i / len(rows), f"figures of {name}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same was said above, with the names of the rows
            table[name] = _figures(name, everything, features, extractor.name, value_range, settings)
    tell(1.0, "done")
    count = len(reference)
    return Evaluation(
        rows=table,
        figures=_meanings(extractor.name, train is not None),
        n=count,
        reference={
            "n": count,
            "shape": list(reference.shape[1:]),
            "images_sha256": hashlib.sha256(tensor_bytes(reference.float())).hexdigest(),
            "statistics_sha256": FeatureStatistics.of(features[REFERENCE]).sha256,
        },
        extractor=extractor.describe(),
        settings={
            **settings,
            "subset_size": subset_size_for(count),
            "floor": "halves of the real images" if floor is None else "other real images",
            "training_images": None if train is None else len(train),
        },
        warnings=texts,
    )


def _equal_sets(
    real: Tensor,
    floor: dict[str, Tensor],
    sets: Mapping[str, Tensor],
    value_range: tuple[float, float],
    n: int | None,
    k: int,
    generator: torch.Generator,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The reference and all rows, the floor first, with equally many images."""
    real = check_images(real, "real", value_range)
    if not floor:
        order = torch.randperm(len(real), generator=generator)
        half = len(real) // 2
        real, floor = real[order[:half]], {FLOOR: real[order[half:]]}
    rows = {name: _fitting(images, name, real, value_range) for name, images in (floor | dict(sets)).items()}
    smallest = min(len(images) for images in (real, *rows.values()))
    count = smallest if n is None else n
    least = max(k + 1, 4)
    if not least <= count <= smallest:
        sizes = ", ".join(f"{name} {len(images)}" for name, images in {"real": real, **rows}.items())
        raise InputError(
            f"n={count} images per row are not possible ({sizes}); give sets of at least {least} images each"
            f"{' and n up to the smallest' if n is not None else ''}."
        )

    def some(images: Tensor) -> Tensor:
        return images if len(images) == count else images[torch.randperm(len(images), generator=generator)[:count]]

    return some(real), {name: some(images) for name, images in rows.items()}


def _fitting(images: Tensor, name: str, real: Tensor, value_range: tuple[float, float]) -> Tensor:
    images = check_images(images, name, value_range)
    if images.shape[1:] != real.shape[1:]:
        raise InputError(
            f"{name}: images of {tuple(images.shape[1:])} beside real images of {tuple(real.shape[1:])}; bring all to "
            "one shape."
        )
    return images


def _warn_of_other_range(real: Tensor, images: Tensor, name: str) -> None:
    """Warn if the middle 99 % of the values of two sets overlap by less than half of what they cover together."""
    (a, b), (c, d) = _spread(real), _spread(images)
    if min(b, d) - max(a, c) < 0.5 * (max(b, d) - min(a, c)):
        warn_caller(
            f"{name}: most values lie between {c:.3g} and {d:.3g}, those of the real images between {a:.3g} and "
            f"{b:.3g}; if that is not the model's own fault, bring both to one scale."
        )


def _spread(images: Tensor) -> tuple[float, float]:
    # A regular subset is enough for a percentile, and torch limits its size.
    values = images.flatten()[:: max(images.numel() // 2**20, 1)].float()
    low, high = values.quantile(values.new_tensor([0.005, 0.995]))
    return float(low), float(high)


def _all_features(
    sets: dict[str, Tensor], extractor: FeatureExtractor, batch_size: int, tell: Callable[[float, str], None]
) -> dict[str, Tensor]:
    total, done = sum(len(images) for images in sets.values()), 0
    features: dict[str, list[Tensor]] = {name: [] for name in sets}
    for name, images in sets.items():
        for batch in images.split(batch_size):
            tell(done / total, f"features of {name}")
            features[name].append(extractor(batch).cpu())
            done += len(batch)
    return {name: torch.cat(parts) for name, parts in features.items()}


def _figures(
    row: str,
    images: Mapping[str, Tensor],
    features: Mapping[str, Tensor],
    extractor: str,
    value_range: tuple[float, float],
    settings: Mapping[str, int],
) -> dict[str, Figure]:
    """All figures of one row, in the order of :func:`_meanings`."""
    k, seed = settings["k"], settings["seed"]
    fake, real = features[row], features[REFERENCE]
    kid = kernel_distance(fake, real, subsets=settings["subsets"], seed=seed)
    manifold, density = precision_recall(real, fake, k), density_coverage(real, fake, k)
    figures = {
        f"kid_{extractor}": Figure(kid.mean, sd=kid.sd),
        f"fid_{extractor}": Figure(frechet_distance(fake, real)),
        f"precision_{extractor}": Figure(manifold.precision),
        f"recall_{extractor}": Figure(manifold.recall),
        f"density_{extractor}": Figure(density.density),
        f"coverage_{extractor}": Figure(density.coverage),
        "sliced_wasserstein": Figure(sliced_wasserstein(images[row], images[REFERENCE], seed=seed)),
        "ms_ssim": Figure(ms_ssim_diversity(images[row], value_range=value_range, seed=seed)),
    }
    if TRAINING in images:
        found = memorisation(fake, features[TRAINING], real, seed=seed)
        figures[f"memorisation_{extractor}"] = _share(found)
        found = memorisation_pixels(
            images[row], images[TRAINING], images[REFERENCE], max_shift=settings["max_shift"], seed=seed
        )
        figures["memorisation_pixels"] = _share(found)
    return figures


def _share(found: Memorisation) -> Figure:
    return Figure(found.share, interval=found.interval, chance=found.chance)


def _meanings(extractor: str, with_memorisation: bool) -> dict[str, FigureInfo]:
    """What the columns mean; their names say which extractor they depend on."""
    meanings = {
        f"kid_{extractor}": FigureInfo("KID", "lower", headline=True),
        f"fid_{extractor}": FigureInfo("FID", "lower"),
        f"precision_{extractor}": FigureInfo("precision", "higher"),
        f"recall_{extractor}": FigureInfo("recall", "higher"),
        f"density_{extractor}": FigureInfo("density", "equal"),
        f"coverage_{extractor}": FigureInfo("coverage", "higher"),
        "sliced_wasserstein": FigureInfo("sliced Wasserstein distance", "lower"),
        "ms_ssim": FigureInfo("MS-SSIM of pairs", "equal"),
    }
    if with_memorisation:
        meanings[f"memorisation_{extractor}"] = FigureInfo("nearer to a training image (features)", "half")
        meanings["memorisation_pixels"] = FigureInfo("nearer to a training image (pixels)", "half")
    return meanings
