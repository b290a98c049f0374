"""Measure synthetic images against real ones and write what was found, for programs and for people."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.apps.jobs import CancelCheck, ProgressCallback, Reporter
from monai_gan.apps.staging import OutputFolder

if TYPE_CHECKING:
    from monai_gan.apps.evaluation_sets import EvaluationSets
    from monai_gan.metrics import Evaluation, FeatureExtractor

SCHEMA_VERSION = 1
REPORT, PAGE = "report.json", "report.html"


def evaluate(
    synthetic: str | Path,
    output: str | Path,
    *,
    real: str | Path | None = None,
    train: str | Path | None = None,
    n: int | None = None,
    seed: int = 0,
    extractor: str = "efficientnet_lite0",
    extractor_weights: str | Path | None = None,
    image_size: int | Sequence[int] | None = None,
    memorisation: bool = True,
    channels: int | None = None,
    spatial_dims: int | None = None,
    device: str = "auto",
    trust: bool = False,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> list[Path]:
    """Compare a model, or images that it made, with real images; write ``report.json`` and ``report.html``.

    One table has the model, for a bundle also its untrained network, a Gaussian per pixel, the PCA Gaussian with the
    full covariance, and real images among themselves, the floor; all rows have the same number of images. The page
    shows samples, the real images nearest to them, grey levels and power spectra. Both files appear together or not
    at all.

    Args:
        synthetic: a bundle, by name or path, that is sampled; or images as a folder, an ``.npz`` or a named set.
        output: folder, made when missing.
        real: images as for `monai_gan.data.ImageDataset`. Those of a test part are compared with, those of a validation
            part make the floor; where only one part or no split is there, it is halved by subject. By default the data
            that the bundle's training configuration names.
        train: the images that the model was trained on, for the baselines and for figures of memorisation; of a source
            with a split its training part. By default those of the bundle's own data.
        n: images per row; by default the size of the smallest set.
        seed: of samples, halves and every other random choice.
        extractor: name of the feature extractor, one of `monai_gan.metrics.EXTRACTORS`.
        extractor_weights: its published weights; not needed for the default.
        image_size: resize all images to this; by default a bundle's own size, else images stay as they are.
        memorisation: compare with the training images where they are known, which takes the most time.
        channels: of images from files; by default 1.
        spatial_dims: of images from files; by default 2.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.
        progress: told of every step.
        cancel: asked between steps.

    Returns:
        The two files.

    Warns:
        UserWarning: for few images, other grey levels, copies of real images; the texts are in the report as well.

    Raises:
        InputError: an argument cannot be used, or a set is missing, too small, or does not fit the others.
        MissingExtraError: the default extractor is asked for without the extra ``metrics``.
        WeightsError: weights missing, altered or unsafe.
        Cancelled: ``cancel`` answered True.
    """
    from monai_gan.apps.device import resolve_device
    from monai_gan.apps.evaluation_report import report_page
    from monai_gan.apps.evaluation_sets import SetsRequest, gather_sets
    from monai_gan.bundle.files import write_json
    from monai_gan.metrics import load_extractor

    target = resolve_device(device)
    reporter = Reporter(1.0, progress, cancel, phase="loading")
    request = SetsRequest(synthetic, real, train, n, seed, image_size, channels, spatial_dims, trust)
    with OutputFolder(output) as folder:
        network = load_extractor(extractor, extractor_weights).to(target)
        sets = gather_sets(request, target, reporter, cancel)
        evaluation = measure_sets(sets, network, n=n, seed=seed, memorisation=memorisation, reporter=reporter)
        reporter.phase = "writing"
        reporter.update(0.95, "Looking for the nearest real images")
        document = report_document(sets, evaluation)
        with folder.writing():
            write_json(folder.staging / REPORT, document)
            (folder.staging / PAGE).write_bytes(report_page(document, evaluation, sets))
        reporter.update(1.0, f"Report: {folder.output / PAGE}")
        folder.publish()
    return [folder.output / REPORT, folder.output / PAGE]


def measure_sets(
    sets: EvaluationSets,
    extractor: FeatureExtractor,
    *,
    n: int | None = None,
    seed: int = 0,
    memorisation: bool = True,
    reporter: Reporter,
) -> Evaluation:
    """All figures of the sets.

    Args:
        sets: what `gather_sets` gives.
        extractor: sees volumes slice by slice, along their last axis, if it is for 2-D.
        n: images per row; by default as many as the smallest set has.
        seed: of every random choice.
        memorisation: compare with the training images where they are known.
        reporter: told of each step, from 0.25 to 0.95 of the whole.

    Raises:
        InputError: the sets cannot be compared.
        Cancelled: the user asked to stop.
    """
    from monai_gan.apps.evaluation_sets import UNTRAINED
    from monai_gan.metrics import evaluate_sets

    if sets.reference.ndim == 5 and extractor.spatial_dims == 2 and extractor.slice_axis is None:
        extractor.slice_axis = 2
    reporter.phase = "measuring"
    # A CPU's cache holds the activations of a few images only: 8 take half the time per image that 32 take.
    batch_size = 8 if extractor.device.type == "cpu" else 64
    with warnings.catch_warnings():
        # That an untrained network gives next to nothing is no news.
        warnings.filterwarnings("ignore", message=f"{UNTRAINED}: ")
        evaluation = evaluate_sets(
            sets.reference,
            sets.rows,
            extractor,
            floor=sets.floor,
            train=sets.train if memorisation else None,
            n=n,
            seed=seed,
            batch_size=batch_size,
            progress=lambda fraction, message: reporter.update(0.25 + 0.7 * fraction, message),
        )
    return replace(evaluation, warnings=[t for t in evaluation.warnings if not t.startswith(f"{UNTRAINED}: ")])


def report_document(sets: EvaluationSets, evaluation: Evaluation) -> dict[str, Any]:
    """The content of ``report.json``, as ``evaluation_schema.json`` describes it."""
    from monai_gan import __version__
    from monai_gan.apps.evaluation_classes import class_scores
    from monai_gan.apps.evaluation_verdict import verdict
    from monai_gan.apps.evaluation_views import histograms, nearest_real_images, spectra

    measured = evaluation.as_dict()
    return {
        "schema_version": SCHEMA_VERSION,
        "monai_gan": __version__,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "inputs": sets.inputs,
        "verdict": verdict(evaluation),
        **{key: measured[key] for key in ("n", "figures", "rows", "reference", "extractor", "settings")},
        "classes": None if sets.classes is None else class_scores(sets.classes, evaluation.settings["seed"]),
        "histogram": histograms(sets),
        "spectrum": spectra(sets),
        "neighbours": nearest_real_images(sets, evaluation.n, evaluation.settings["max_shift"]),
        "warnings": [*sets.warnings, *measured["warnings"]],
    }


def report_schema() -> dict[str, Any]:
    """The JSON schema of ``report.json``."""
    from monai_gan.apps.schemas import read_schema

    return read_schema("evaluation_schema.json")
