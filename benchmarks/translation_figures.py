"""Figures of the bundles that translate: measured, written into metadata and model card, and drawn as pictures.

    MONAI_GAN_DATA=... python -m benchmarks.translation_figures brain_t1_to_t2_pix2pix --twin runs/twin/...

The twin is the same network trained as long by its reconstruction loss alone. With ``--folds``, trainings that left one
subject out each tell how much the figures vary. The test subject was seen neither by training nor by any choice; the
validation subject shows how inputs with and without a skull fare.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cards import add_version_arguments, check_version_arguments, write_card, write_metrics
from benchmarks.figure_tables import MODEL, Rows, as_metrics, mean_figures, table
from benchmarks.left_out import left_out
from benchmarks.pair_cases import CASES, load_pairs
from benchmarks.pair_expectations import as_volume, consistency, familiar, uncertainty, unit_scale
from benchmarks.pair_lesions import lesion_figures
from benchmarks.pair_measures import Pair, measure
from benchmarks.pair_picture import overview
from benchmarks.pair_rivals import identity, inverted_and_matched
from monai_gan.apps import Translator, load
from monai_gan.apps.device import resolve_device
from monai_gan.apps.volume_form import LEAST_SPEARMAN
from monai_gan.bundle import BundleInfo, find_bundle, load_config, write_checksums
from monai_gan.data import Provenance
from monai_gan.data.grid import write_grid

TWIN = "L1 twin"
IDENTITY, MATCHED = "identity", "inverted, histogram-matched"
#: The figure that stands for the bundle, of the first case and direction.
HEADLINE = "ssim_mask"
#: Further forms of familiar inputs: the brain extracted tightly and loosely, mm around the mask.
EXTRACTIONS = (-3.0, 4.5)


@dataclass(frozen=True)
class Direction:
    """One way of a bundle.

    Attributes:
        label: as the bundle calls it; None for its only way.
        turned: whether it leads from the target to the input of the pairs.
    """

    label: str | None = None
    turned: bool = False

    def named(self, text: str) -> str:
        """A text with the direction, if there are several."""
        return text if self.label is None else f"{self.label}: {text}"

    def file(self, split: str) -> str:
        """Name of a picture."""
        return f"{split}_back.png" if self.turned else f"{split}.png"


def directions(info: BundleInfo) -> list[Direction]:
    """The ways of a bundle: one, or there and back."""
    labels = info.extra.get("labels")
    return [Direction()] if not labels else [Direction(labels[0]), Direction(labels[1], turned=True)]


def measure_case(
    pairs: Sequence[Pair],
    training: Sequence[Pair],
    models: Mapping[str, Translator],
    direction: Direction = Direction(),
    device: str = "cpu",
) -> tuple[Rows, np.ndarray]:
    """Mean figures of each row over the pairs of a case, and what the first model made of the first pair."""
    makers: dict[str, Callable[[Pair], np.ndarray]] = {
        **{
            row: (lambda pair, model=model: unit_scale(model(as_volume(pair), label=direction.label), model))
            for row, model in models.items()
        },
        IDENTITY: identity,
        MATCHED: lambda pair: inverted_and_matched(pair, training),
    }
    results = {row: [make(pair) for pair in pairs] for row, make in makers.items()}
    rows = {
        row: mean_figures([all_figures(result, pair, device) for result, pair in zip(made, pairs, strict=True)])
        for row, made in results.items()
    }
    return rows, results[MODEL][0]


def all_figures(result: np.ndarray, pair: Pair, device: str = "cpu") -> dict[str, float]:
    """All figures of a result by name; those of lesions only where there are some."""
    lesions = {} if pair.lesion is None else lesion_figures(result, pair)
    return measure(result, pair, device) | lesions


def note(expected: Mapping[str, Any], label: str | None = None) -> str:
    """What else was measured, for the card."""
    low, high = expected["consistency"]
    edges = (
        f"Edges of input and result agree by {low:.2f} to {high:.2f} on training volumes, with a tenth of slack; less "
        "is warned of."
    )
    if label is not None:
        return f"{label}: {edges}"
    ranked = expected["uncertainty"]
    offered = "is offered" if ranked["spearman"] >= LEAST_SPEARMAN else "is not offered"
    return (
        f"The map of uncertainty has a rank correlation of {ranked['spearman']:.3f} with the absolute error in the "
        f"mask of the test subject and {offered} (at least {LEAST_SPEARMAN} is needed). {edges}"
    )


def main() -> None:
    """Measure the named bundle and write what was found into it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--twin", type=Path, help="the bundle that its twin's training left")
    parser.add_argument("--folds", type=Path, help="holds fold_<subject>/<bundle> for each subject left out")
    parser.add_argument("--device", default="auto")
    add_version_arguments(parser)
    arguments = parser.parse_args()
    check_version_arguments(parser, arguments)
    bundle, device = find_bundle(arguments.bundle), str(resolve_device(arguments.device))
    models = {MODEL: load(bundle, device)}
    if arguments.twin is not None:
        models[TWIN] = load(arguments.twin, device)
    data, info = str(load_config(bundle, "train", trust=True)["dataset_dir"]), models[MODEL].info
    texts, metrics, found = [], [], {}
    for direction in directions(info):
        tables, expected, measured = measure_direction(bundle, direction, models, data, device)
        texts += [*tables, note(expected, direction.label)]
        metrics += measured
        found[direction.label] = expected
    more = found[None] if None in found else by_direction(found)
    if arguments.folds is not None:
        text, more["left_out"] = left_out(bundle, arguments.folds, device)
        low, high = more["left_out"]["steps"]
        texts.append(f"Each training subject by a network trained without it, in {low} to {high} steps:\n\n{text}")
    write_metrics(bundle, metrics, arguments.version, arguments.change, more)
    write_card(bundle, "\n\n".join(texts))
    write_checksums(bundle)


def measure_direction(
    bundle: Path, direction: Direction, models: Mapping[str, Translator], data: str, device: str
) -> tuple[list[str], dict[str, Any], list[dict[str, Any]]]:
    """Tables, expectations and metrics of one way; pictures are written."""
    info, tables, known, metrics, expected = models[MODEL].info, [], {}, [], {}
    for case in CASES:
        pairs = load_pairs(bundle, case, direction.turned)
        training = load_pairs(bundle, replace(case, split="train"), direction.turned)
        rows, result = measure_case(pairs, training, models, direction, device)
        tables.append(table(rows, direction.named(case.name), len(pairs)))
        print(tables[-1], flush=True)  # noqa: T201
        known[case] = training
        if case.split == "test":
            headline = None if direction.turned else HEADLINE
            metrics = as_metrics(rows, data, len(pairs), headline, direction.label)
            if direction.label is None:
                expected["uncertainty"] = uncertainty(load(bundle, device), pairs, data)
        if case.margin is None:
            origin = Provenance(info.name, info.version, info.weights_sha256, task=info.task, source=case.name)
            write_grid(bundle / "docs" / direction.file(case.split), overview(pairs[0], result), origin)
    inputs = [pair for training in known.values() for pair in training]
    for margin in EXTRACTIONS:
        form = replace(CASES[0], split="train", margin=margin)
        inputs += load_pairs(bundle, form, direction.turned)
    expected["familiar"] = familiar(inputs)
    expected["consistency"] = consistency(models[MODEL], known[CASES[0]], direction.label)
    return tables, expected, metrics


def by_direction(found: Mapping[str | None, Mapping[str, Any]]) -> dict[str, Any]:
    """Expectations of several directions as the metadata have them."""
    return {key: {str(label): one[key] for label, one in found.items()} for key in ("familiar", "consistency")}


if __name__ == "__main__":
    main()
