"""Figures of the bundles that translate: measured, written into metadata and model card, and drawn as pictures.

    MONAI_GAN_DATA=... python -m benchmarks.translation_figures brain_t1_to_t2_pix2pix --twin runs/twin/...

The twin is the same network trained as long by its reconstruction loss alone. The test subject was seen neither by
training nor by any choice; the validation subject shows how inputs with and without a skull fare.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser

from benchmarks.cards import DIGITS, add_version_arguments, check_version_arguments, write_card, write_metrics
from benchmarks.pair_cases import CASES, Case, load_pairs, unit
from benchmarks.pair_measures import Pair, measure
from benchmarks.pair_picture import overview
from benchmarks.pair_rivals import identity, inverted_and_matched
from monai_gan.bundle import BundleInfo, find_bundle, load_config, load_network, write_checksums
from monai_gan.data import Provenance
from monai_gan.data.grid import write_grid

MODEL, TWIN = "this model", "L1 twin"
IDENTITY, MATCHED = "identity", "inverted, histogram-matched"
#: The figure that stands for the bundle, of the first case.
HEADLINE = "ssim_mask"
Figures = dict[str, float]
Rows = dict[str, Figures]

EXPLANATIONS = {
    "psnr_mask": "PSNR in the mask, dB; higher is better",
    "ssim_mask": "SSIM in the mask; higher is better",
    "mae_mask": "MAE in the mask; lower is better",
    "psnr_image": "PSNR of the whole image with its empty background, dB",
    "ssim_image": "SSIM of the whole image with its empty background",
    "mae_image": "MAE of the whole image with its empty background",
    "perceptual_efficientnet_lite0": "Perceptual distance in the mask (EfficientNet-Lite0); lower is better",
    "spectrum_distance": "Distance of power spectra in the mask, decades; lower is better",
    "mae_lesion": "MAE inside of lesions",
    "mae_outside_lesion": "MAE in the mask outside of lesions",
    "lesion_contrast": "Contrast-to-noise of lesions; that of the target is right",
    "lesion_contrast_target": "Contrast-to-noise of lesions in the target",
}


def translate(bundle: Path, pair: Pair) -> np.ndarray:
    """What a bundle makes of a pair's input."""
    inferer = load_config(bundle, "inference", trust=True).get_parsed_content("inferer")
    network = load_network(bundle)
    image = torch.from_numpy(pair.image)[None, None].float() * 2 - 1
    with torch.no_grad():
        return unit(inferer(image, network)[0])


def measure_case(train: ConfigParser, case: Case, bundles: Mapping[str, Path]) -> tuple[Rows, list[Pair], np.ndarray]:
    """Mean figures of the rows over the pairs of a case, the pairs, and the first model's result for the first pair."""
    pairs = load_pairs(train, case)
    training = load_pairs(train, Case("", "train", case.margin))
    makers: dict[str, Callable[[Pair], np.ndarray]] = {
        **{row: (lambda pair, path=path: translate(path, pair)) for row, path in bundles.items()},
        IDENTITY: identity,
        MATCHED: lambda pair: inverted_and_matched(pair, training),
    }
    results = {row: [make(pair) for pair in pairs] for row, make in makers.items()}
    rows = {
        row: mean_figures([measure(result, pair) for result, pair in zip(made, pairs, strict=True)])
        for row, made in results.items()
    }
    return rows, pairs, results[MODEL][0]


def mean_figures(figures: Sequence[Figures]) -> Figures:
    """The mean of each figure over the volumes that have it."""
    names = dict.fromkeys(name for one in figures for name in one)
    return {name: float(np.mean([one[name] for one in figures if name in one])) for name in names}


def as_metrics(rows: Rows, data: str, n: int) -> list[dict[str, Any]]:
    """The figures of the test subjects in the form of the bundle's metadata."""
    return [
        {
            "name": name,
            "value": round(value, DIGITS),
            "n": n,
            "extractor": "efficientnet_lite0" if name.endswith("efficientnet_lite0") else None,
            "data": data,
            "split": "test",
            "floor": None,
            "baseline": {row: round(of[name], DIGITS) for row, of in rows.items() if row != MODEL},
            "mark": name == HEADLINE,
        }
        for name, value in rows[MODEL].items()
    ]


def table(rows: Rows, case: Case, n: int) -> str:
    """The figures of a case as a Markdown table."""
    volumes = "1 volume" if n == 1 else f"{n} volumes"
    lines = [f"| {case.name} ({volumes}) | " + " | ".join(rows) + " |", "|---|" + "---|" * len(rows)]
    for name in rows[MODEL]:
        # Rounded as in the metadata first, so that both say the same.
        cells = [f"{round(of[name], DIGITS):.3f}" for of in rows.values()]
        lines.append(f"| {EXPLANATIONS[name]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure the named bundle and write what was found into it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--twin", type=Path, required=True, help="the bundle that its twin's training left")
    add_version_arguments(parser)
    arguments = parser.parse_args()
    check_version_arguments(parser, arguments)
    bundle = find_bundle(arguments.bundle)
    train = load_config(bundle, "train")
    info = BundleInfo.from_path(bundle)
    tables = []
    for case in CASES:
        rows, pairs, result = measure_case(train, case, {MODEL: bundle, TWIN: arguments.twin})
        tables.append(table(rows, case, len(pairs)))
        print(tables[-1], flush=True)  # noqa: T201
        if case.split == "test":
            metrics = as_metrics(rows, str(train["dataset_dir"]), len(pairs))
        if case.margin is None:
            origin = Provenance(info.name, info.version, info.weights_sha256, task="translation", source=case.name)
            write_grid(bundle / "docs" / f"{case.split}.png", overview(pairs[0], result), origin)
    write_metrics(bundle, metrics, arguments.version, arguments.change)
    write_card(bundle, "\n\n".join(tables))
    write_checksums(bundle)


if __name__ == "__main__":
    main()
