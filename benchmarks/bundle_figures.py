"""Figures of the bundles that synthesize: measured, written into metadata and model card, and drawn as a picture.

    MONAI_GAN_DATA=... python -m benchmarks.bundle_figures chest_xray_dcgan mednist_cgan
    MONAI_GAN_DATA=... python -m benchmarks.bundle_figures chest_xray_dcgan --version 0.1.1 --change "new figures"

Samples are compared with the test split, which neither training nor any choice has seen, in the table of
``monai-gan evaluate``: the untrained network, Gaussians fitted to the training images, and the validation split as the
floor. Further figures need pixels alone, or classes, or the codes of an InfoGAN, which has a second picture then.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.cards import DIGITS, add_version_arguments, check_version_arguments, write_card, write_metrics
from benchmarks.class_figures import class_figures, kind_of
from benchmarks.code_figures import code_figures, code_text
from monai_gan.apps import load
from monai_gan.apps.evaluate import measure_sets
from monai_gan.apps.evaluation_sets import MODEL, EvaluationSets, SetsRequest, gather_sets
from monai_gan.apps.evaluation_verdict import verdict
from monai_gan.apps.jobs import Progress, Reporter
from monai_gan.apps.synthesizer import Synthesizer
from monai_gan.bundle import BundleInfo, find_bundle, write_checksums
from monai_gan.data import Provenance
from monai_gan.data.grid import write_grid
from monai_gan.metrics import FLOOR, Evaluation, Figure, load_extractor, mean_pairwise_distance

SEED = 2024
#: Samples in the picture of the model card.
SHOWN = 36
ABSENT = "-"

EXPLANATIONS = {
    "kid": "KID, lower is better",
    "fid": "FID, lower is better; biased, for equal n only",
    "precision": "Precision, share of the images that lie where real ones lie; higher is better",
    "recall": "Recall, share of the real images that are reached; higher is better",
    "density": "Density; as real images is right",
    "coverage": "Coverage, share of the real images with one of these as a neighbour; higher is better",
    "sliced_wasserstein": "Sliced Wasserstein distance of patches over three scales; lower is better",
    "ms_ssim": "MS-SSIM of pairs; as real images is right, higher is less diverse",
    "memorisation": "Share nearer to a training than to a held-out image in features; 0.5 is right",
    "memorisation_pixels": "The same in pixels",
    "diversity_ratio": "Mean distance between two images, as a share of that between real ones; 1 is right",
}


def further_figures(sets: EvaluationSets) -> dict[str, dict[str, Figure]]:
    """Figures that are not in the table of an evaluation, by row."""
    real = mean_pairwise_distance(sets.reference)
    found = class_figures(sets, SEED)
    return {
        row: {"diversity_ratio": Figure(mean_pairwise_distance(images) / real), **found.get(row, {})}
        for row, images in {FLOOR: sets.floor, **sets.rows}.items()
    }


def as_metrics(rows: dict[str, dict[str, Figure]], evaluation: Evaluation, source: str) -> list[dict[str, Any]]:
    """The figures in the form of the bundle's metadata."""
    metrics = []
    for name, figure in rows[MODEL].items():
        info = evaluation.figures.get(name)
        extractor = evaluation.extractor["name"]
        seen_by = extractor if name.endswith(extractor) else None
        own = kind_of(name)
        entry = {
            "name": name,
            "value": round(figure.value, DIGITS),
            "n": evaluation.n,
            "extractor": own.judge if own else seen_by,
            "data": source.replace("/", " "),
            "split": "test",
            "floor": round(rows[FLOOR][name].value, DIGITS),
            "baseline": {
                row: round(of[name].value, DIGITS)
                for row, of in rows.items()
                if row not in (MODEL, FLOOR) and name in of
            },
            "mark": info is not None and info.headline,
        }
        if seen_by:
            entry["extractor_sha256"] = evaluation.extractor["sha256"]
            entry["reference_sha256"] = evaluation.reference["statistics_sha256"]
        if figure.sd is not None:
            entry["sd"] = round(figure.sd, DIGITS)
        if figure.chance is not None:
            entry["chance"] = [round(bound, DIGITS) for bound in figure.chance]
        metrics.append(entry)
    return metrics


def table(rows: dict[str, dict[str, Figure]], evaluation: Evaluation) -> str:
    """The figures as a Markdown table."""
    columns = [MODEL, *(row for row in rows if row not in (MODEL, FLOOR)), FLOOR]
    lines = [f"| figure (n = {evaluation.n}, against the test split) | " + " | ".join(columns) + " |"]
    lines.append("|---|" + "---|" * len(columns))
    for name in rows[MODEL]:
        kind = name.removesuffix(f"_{evaluation.extractor['name']}")
        own = kind_of(name)
        cells = " | ".join(cell(rows[row].get(name)) for row in columns)
        lines.append(f"| {own.text if own else EXPLANATIONS[kind]} | {cells} |")
    return "\n".join(lines)


def cell(figure: Figure | None) -> str:
    """A figure with its spread, or what chance allows."""
    if figure is None:
        return ABSENT
    # Rounded as in the metadata first, so that both say the same.
    text = f"{round(figure.value, DIGITS):.3f}"
    if figure.sd is not None:
        return f"{text} ± {figure.sd:.3f}"
    if figure.chance is not None:
        return f"{text} (chance {figure.chance[0]:.2f} to {figure.chance[1]:.2f})"
    return text


def summary(evaluation: Evaluation, sets: EvaluationSets) -> str:
    """What the figures say, and how they were measured, for the card."""
    measured, seen_by = evaluation.settings, evaluation.extractor
    sentences = " ".join(verdict(evaluation)["sentences"])
    return (
        f"{sentences}\n\n"
        f"Features of {seen_by['name']} (ImageNet, SHA-256 {seen_by['sha256'][:12]}...), images resized to "
        f"{seen_by['image_size'][0]} pixels with antialiasing, the grey channel repeated; k = {measured['k']}; KID "
        f"over {measured['subsets']} subsets of {measured['subset_size']}; seed {measured['seed']}. The Gaussians are "
        f"fitted to the {sets.inputs['baselines']['images']} training images. The floor is the validation split."
    )


def main() -> None:
    """Measure the named bundles and write what was found into them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+")
    parser.add_argument("-n", type=int, help="images of each row; by default as many as the smallest set has")
    add_version_arguments(parser)
    arguments = parser.parse_args()
    check_version_arguments(parser, arguments)
    extractor = load_extractor()
    for name in arguments.bundles:
        bundle = find_bundle(name)
        reporter = Reporter(1.0, _show)
        sets = gather_sets(SetsRequest(bundle, n=arguments.n, seed=SEED), torch.device("cpu"), reporter)
        evaluation = measure_sets(sets, extractor, seed=SEED, reporter=reporter)
        further = further_figures(sets)
        rows = {row: {**figures, **further[row]} for row, figures in evaluation.rows.items()}
        metrics = as_metrics(rows, evaluation, sets.inputs["real"]["source"])
        model = load(bundle, "cpu")
        found = {} if model.codes is None else {"information": code_figures(model.network, evaluation.n, SEED)}
        texts = [table(rows, evaluation), summary(evaluation, sets), *(code_text(known) for known in found.values())]
        write_metrics(bundle, metrics, arguments.version, arguments.change, found)
        write_card(bundle, "\n\n".join(texts))
        draw_pictures(bundle, sets.rows[MODEL][:SHOWN], model)
        write_checksums(bundle)
        print(name, *texts, sep="\n")  # noqa: T201


def draw_pictures(bundle: Path, images: Tensor, model: Synthesizer) -> None:
    """Write the overview of the card, and where there are codes what they do."""
    info = BundleInfo.from_path(bundle)
    origin = Provenance(info.name, info.version, info.weights_sha256, seed=SEED)
    write_grid(bundle / "docs" / "samples.png", images, replace(origin, extra={"overview_of": len(images)}))
    if model.codes is not None:
        varied, columns = model.traversal(seed=SEED)
        origin = replace(origin, extra={"traversal_of": model.codes.names})
        limits = (model.scale.minimum, model.scale.maximum)
        write_grid(bundle / "docs" / "traversal.png", varied, origin, columns=columns, value_range=limits)


def _show(progress: Progress) -> None:
    print(f"[{progress.fraction:4.0%}] {progress.message}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
