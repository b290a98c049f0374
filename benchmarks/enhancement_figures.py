"""Figures of the bundles that enhance: measured, written into metadata and model card, and drawn as pictures.

    MONAI_GAN_DATA=... python -m benchmarks.enhancement_figures brain_mri_srgan_x2 --twin runs/twin/...

The twin is the same network trained as long by its pixel loss alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.cards import add_version_arguments, check_version_arguments, write_card, write_metrics
from benchmarks.degraded_pairs import DEGRADATIONS, Rival, degraded_pairs, shown
from benchmarks.figure_tables import MODEL, Rows, as_metrics, mean_figures, table
from benchmarks.pair_expectations import as_volume, consistency, familiar
from benchmarks.pair_measures import Pair, measure
from benchmarks.pair_picture import overview
from monai_gan.apps import Enhancer, load
from monai_gan.apps.device import resolve_device
from monai_gan.bundle import find_bundle, load_config, write_checksums
from monai_gan.data import Provenance
from monai_gan.data.grid import write_grid

TWIN = "twin without a critic"
#: The figure that stands for these bundles.
HEADLINE = "psnr_mask"
#: Training volumes that tell how well edges agree.
LOOKED_AT = 24


def measure_rows(
    pairs: Sequence[Pair],
    models: Mapping[str, Enhancer],
    rivals: Mapping[str, Rival],
    planes: tuple[int, int, int] = (0, 1, 2),
    device: str = "cpu",
) -> tuple[Rows, np.ndarray]:
    """Mean figures of each row over the pairs, and what the first model made of the first pair."""
    makers: dict[str, Callable[[Pair], np.ndarray]] = {
        **{name: (lambda pair, model=model: model(as_volume(pair)).numpy()[0]) for name, model in models.items()},
        **rivals,
    }
    first, rows = None, {}
    for name, make in makers.items():
        results = [make(pair) for pair in pairs]
        first = results[0] if first is None else first
        figures = [
            measure(result.transpose(planes), _turned(pair, planes), device)
            for result, pair in zip(results, pairs, strict=True)
        ]
        rows[name] = mean_figures(figures)
    assert first is not None
    return rows, first


def _turned(pair: Pair, planes: tuple[int, int, int]) -> Pair:
    return Pair(pair.image.transpose(planes), pair.target.transpose(planes), pair.mask.transpose(planes))


def main() -> None:
    """Measure the named bundle and write what was found into it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", help=f"one of {', '.join(DEGRADATIONS)}, or the folder of one")
    parser.add_argument("--twin", type=Path, help="the bundle that its twin left; without it there is no such row")
    parser.add_argument("--device", default="auto")
    add_version_arguments(parser)
    arguments = parser.parse_args()
    check_version_arguments(parser, arguments)
    bundle, device = find_bundle(arguments.bundle), str(resolve_device(arguments.device))
    if bundle.name not in DEGRADATIONS:
        parser.error(f"'{bundle.name}' is none of {', '.join(DEGRADATIONS)}")
    degradation, train = DEGRADATIONS[bundle.name], load_config(bundle, "train", trust=True)
    models = {MODEL: load(bundle, device)} | ({TWIN: load(arguments.twin, device)} if arguments.twin else {})
    pairs = {split: degraded_pairs(train, split, degradation) for split in ("train", "val", "test")}
    tables = []
    for split in ("test", "val"):
        rows, result = measure_rows(pairs[split], models, degradation.rivals, degradation.planes, device)
        tables.append(table(rows, f"{split}, {degradation.name}", len(pairs[split])))
        print(tables[-1], flush=True)  # noqa: T201
        info = models[MODEL].info
        origin = Provenance(info.name, info.version, info.weights_sha256, task=info.task, source=degradation.name)
        write_grid(bundle / "docs" / f"{split}.png", overview(shown(pairs[split][0]), result), origin)
        if split == "test":
            metrics = as_metrics(rows, str(train["dataset_dir"]), len(pairs[split]), HEADLINE)
    some = pairs["train"][:: max(1, len(pairs["train"]) // LOOKED_AT)]
    expected = {"familiar": familiar(pairs["train"]), "consistency": consistency(models[MODEL], some)}
    write_metrics(bundle, metrics, arguments.version, arguments.change, expected)
    write_card(bundle, "\n\n".join(tables))
    write_checksums(bundle)


if __name__ == "__main__":
    main()
