"""All detectors on all sets, with intervals by patient and paired differences, for the page on anomaly detection.

    MONAI_GAN_DATA=... python -m benchmarks.anomaly --set head_ct \
        --network f-AnoGAN=bundles/head_ct_fanogan "denoising auto-encoder=runs/dae/trial_head_ct_dae"
    python -m benchmarks.anomaly_section

A network of a set with several folds is given by the folders of all its trainings, joined by commas. The simple
detectors are fitted here. A network is scored as its bundle's metadata say. Results go to
``benchmarks/results/anomaly.json``, a picture to each bundle of the repository; ``--report FOLDER`` writes a page with
ROC curves and maps beside them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.anomaly_cards import BUNDLES, PICTURE, draw
from benchmarks.anomaly_sets import SETS, AnomalySet, tumor
from monai_gan.apps import detection_report
from monai_gan.bundle import load_network
from monai_gan.bundle.files import METADATA, read_json
from monai_gan.data import body_mask
from monai_gan.metrics import (
    DetectionTruth,
    EfficientNetMaps,
    ImageStatistics,
    NearestFeatures,
    PixelDeviation,
    Ranking,
    RawBrightness,
    ScoreCalibration,
    detector_figures,
    differences_from,
    pixel_threshold,
    resampled_figures,
    run_detector,
    top_mean,
)
from monai_gan.networks.nets import Detection, DetectionNetwork

RESULTS = Path(__file__).parent / "results" / "anomaly.json"
#: Share of the body that may be marked in an average normal image, for Dice.
PIXEL_RATE = 0.01
#: The image score of a map: mean of the highest share of the body.
TOP_SHARE = 0.01
SPLITS = 200

#: The network of a fold: its number and the training images.
Maker = Callable[[int, Tensor], DetectionNetwork]


def simple_detectors(data: AnomalySet) -> dict[str, Maker]:
    """The detectors that fit in one go; the feature network sees images of 28 to 64 pixels enlarged to 128."""
    # Volumes are many slices: these stay as they are.
    size = 128 if data.images.ndim == 4 else 64
    kinds: dict[str, Callable[[], Any]] = {
        "raw brightness": RawBrightness,
        "per-pixel Gaussian": lambda: PixelDeviation("bright" if data.bright else "both"),
        "image statistics": ImageStatistics,
        "nearest patches": NearestFeatures,
        "nearest EfficientNet features": lambda: NearestFeatures(EfficientNetMaps(image_size=size)),
    }
    # Its bank takes as many features of fewer images.
    limits = {"nearest EfficientNet features": 400}
    return {name: _fitted(kind, limits.get(name, 10**9)) for name, kind in kinds.items()}


def _fitted(kind: Callable[[], Any], limit: int = 10**9) -> Maker:
    def make(_: int, train: Tensor) -> DetectionNetwork:
        network: DetectionNetwork = kind().fit(train[:: max(1, len(train) // limit)])
        return network

    return make


def trained(paths: list[Path]) -> Maker:
    """Networks with weights, one per group of left-out patients."""
    networks = [load_network(path) for path in paths]
    return lambda number, _: networks[number]  # type: ignore[return-value]


def score_of(path: Path) -> str:
    """How a network's images are scored: ``"network"`` or ``"map"``, as its bundle says."""
    return str(read_json(path / METADATA)["monai_gan"].get("detection", {}).get("score", "map"))


class Judged(NamedTuple):
    """What a detector says of all test images, each fold in units of its calibration images.

    Attributes:
        detection: scores and maps; these in units of the threshold of the held-out normal images.
        other_score: the score that was not chosen: the network's own, or that of the map.
        calibration: the scores of all calibration images.
        marked: for each test image whether its score is above the threshold of its fold, at a rate of 5 % or the least
            one that may be promised.
    """

    detection: Detection
    other_score: Tensor
    calibration: list[float]
    marked: np.ndarray


def judge(data: AnomalySet, make: Maker, score: str) -> Judged:
    """Run a detector over all folds, scored by its own score, ``"network"``, or by its ``"map"``."""
    size = tuple(data.truth.masks.shape[2:]) if data.truth.masks is not None else tuple(data.images.shape[2:])
    n, chosen = len(data.images), int(score == "map")
    scores, maps = torch.zeros(2, n), torch.zeros(n, 1, *size)
    reconstructions = torch.zeros_like(data.images)
    marked = np.zeros(n, bool)
    calibration_scores: list[float] = []
    made: dict[int, DetectionNetwork] = {}
    for fold in data.folds:
        if fold.network not in made:
            made[fold.network] = make(fold.network, fold.train)
        network = made[fold.network]
        normal, normal_scores = _scored(run_detector(network, fold.calibration), fold.calibration)
        found, found_scores = _scored(run_detector(network, data.images[fold.test]), data.images[fold.test])
        centre, spread = normal_scores.mean(1, keepdim=True), normal_scores.std(1, keepdim=True) + 1e-12
        test = torch.from_numpy(fold.test)
        scores[:, test] = (found_scores - centre) / spread
        level = pixel_threshold(normal.map, PIXEL_RATE, _bodies(fold.calibration))
        maps[test] = _resized(found.map / (level + 1e-12), size)
        reconstructions[test] = found.reconstruction
        calibration = ScoreCalibration.of(((normal_scores - centre) / spread)[chosen].tolist(), fold.units)
        threshold = calibration.threshold(max(0.05, calibration.least_rate))
        marked[fold.test] = scores[chosen, test].numpy() > threshold
        calibration_scores += calibration.scores
    return Judged(Detection(scores[chosen], maps, reconstructions), scores[1 - chosen], calibration_scores, marked)


def _bodies(images: Tensor) -> Tensor:
    return torch.stack([body_mask(image) for image in images])


def _scored(found: Detection, images: Tensor) -> tuple[Detection, Tensor]:
    """Maps inside the body; the scores (2, N) of the network and of the map."""
    bodies = _bodies(images)
    maps = found.map * bodies
    shares = bodies.flatten(1).float().mean(1) * TOP_SHARE
    tops = torch.cat([top_mean(one[None], float(share)) for one, share in zip(maps, shares, strict=True)])
    return found._replace(map=maps), torch.stack([found.score, tops])


def _resized(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    if tuple(maps.shape[2:]) == size:
        return maps
    mode = "bilinear" if maps.ndim == 4 else "trilinear"
    return torch.nn.functional.interpolate(maps, size, mode=mode, align_corners=False)


def false_positive_rate(normal: np.ndarray, rate: float = 0.05, seed: int = 0) -> float:
    """Mean rate over random halves of normal scores: one calibrates, the other is judged."""
    rng = np.random.Generator(np.random.PCG64(seed))
    rates = []
    for _ in range(SPLITS):
        order = rng.permutation(len(normal))
        half = len(normal) // 2
        threshold = ScoreCalibration.of(normal[order[:half]]).threshold(rate)
        rates.append(float((normal[order[half:]] > threshold).mean()))
    return float(np.mean(rates))


def sharpness_matched(found: Detection, data: AnomalySet) -> float:
    """AUROC over pairs of a normal and an anomalous image of nearly equal gradient energy."""
    slopes = [data.images.diff(dim=axis).square().flatten(1).mean(1) for axis in range(2, data.images.ndim)]
    energy = torch.stack(slopes).sum(0).sqrt().numpy()
    normal, anomalous = (np.flatnonzero(data.truth.anomalous == kind) for kind in (False, True))
    left, wins = set(normal.tolist()), []
    for number in anomalous:
        near = min(left, key=lambda other: abs(energy[other] - energy[number]), default=None)
        if near is None or abs(energy[near] - energy[number]) > 0.02 * energy[number]:
            continue
        left.discard(near)
        wins.append(float(np.heaviside(float(found.score[number] - found.score[near]), 0.5)))
    return float(np.mean(wins)) if wins else float("nan")


def measure(
    data: AnomalySet, makers: Mapping[str, Maker], scores: Mapping[str, str], n: int
) -> tuple[dict[str, Any], dict[str, Detection]]:
    """Figures of all detectors with the differences of each network from all others, and what they said."""
    found: dict[str, Detection] = {}
    rows = {}
    for name, make in makers.items():
        began = time.perf_counter()
        chosen = scores.get(name, "network")
        detection, other_score, calibration, marked = judge(data, make, chosen)
        found[name] = detection
        localises = name != "image statistics"
        measured = detector_figures(detection, data.truth, localises=localises, threshold=1.0, n=n)
        row: dict[str, Any] = {key: _plain(value) for key, value in vars(measured).items()}
        if localises:
            other = "network" if chosen == "map" else "map"
            row[f"auroc_{other}"] = _plain(Ranking(other_score.numpy(), data.truth.anomalous).auroc())
        normal = detection.score.numpy()[~data.truth.anomalous]
        row["false_positives"] = float(marked[~data.truth.anomalous].mean())
        row["found"] = float(marked[data.truth.anomalous].mean())
        if len(data.folds) == 1:
            row["random_splits"] = false_positive_rate(np.concatenate([normal, calibration]))
        if data.kinds:
            row["auroc_by_kind"] = _by_kind(detection, data)
        if data.truth.masks is None:
            row["sharpness_matched"] = sharpness_matched(detection, data)
        row["seconds"] = round(time.perf_counter() - began, 1)
        rows[name] = row
        sys.stdout.write(f"{name} {json.dumps(row)}\n")
        sys.stdout.flush()
    differences: dict[str, dict[str, Any]] = {name: {} for name in scores}
    for kind, pixels in (("auroc", False), ("pixel_average_precision", True)):
        if pixels and data.truth.masks is None:
            continue
        shown = {name: one for name, one in found.items() if not pixels or name != "image statistics"}
        figures = resampled_figures(shown, data.truth, pixels=pixels, n=n)
        for name, kinds in differences.items():
            kinds[kind] = {other: _plain(interval) for other, interval in differences_from(figures, name).items()}
    heading = {"title": data.title, "note": data.note}
    return {**heading, "rows": rows, "differences": differences, **_counts(data.truth)}, found


def _by_kind(found: Detection, data: AnomalySet) -> dict[str, float]:
    scores, kinds = found.score.numpy(), np.asarray(data.kinds)
    return {
        kind: Ranking(
            scores[(kinds == "") | (kinds == kind)], data.truth.anomalous[(kinds == "") | (kinds == kind)]
        ).auroc()
        for kind in sorted(set(data.kinds) - {""})
    }


def _counts(truth: DetectionTruth) -> dict[str, Any]:
    patients = None if truth.patients is None else len({str(patient) for patient in truth.patients})
    counts: dict[str, Any] = {"n": len(truth.anomalous), "n_anomalous": int(truth.anomalous.sum()), "units": patients}
    if truth.masks is not None and truth.bodies is not None:
        counts["prevalence"] = float(truth.masks[truth.bodies.bool()].float().mean())
    return counts


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [round(float(part), 5) for part in value]
    return round(float(value), 5) if isinstance(value, float) else value


def main() -> None:
    """Measure one set and keep the others' results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--set", required=True, choices=SETS)
    parser.add_argument("--network", nargs="*", default=[], metavar="NAME=FOLDER[,FOLDER...]")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="write SET.html there")
    parser.add_argument("--resamplings", type=int, default=200)
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    networks = {
        name: [Path(part) for part in paths.split(",")]
        for name, paths in (word.split("=", 1) for word in arguments.network)
    }
    groups = min((len(paths) for paths in networks.values()), default=1)
    data = tumor(groups) if arguments.set == "tumor" else SETS[arguments.set]()
    makers = {name: trained(paths) for name, paths in networks.items()}
    scores = {name: score_of(paths[0]) for name, paths in networks.items()}
    with torch.inference_mode():
        result, found = measure(data, {**makers, **simple_detectors(data)}, scores, arguments.resamplings)
    results = json.loads(arguments.results.read_text()) if arguments.results.is_file() else {}
    more = {"resamplings": arguments.resamplings, "torch": torch.__version__}
    shipped = {name: paths[0].name for name, paths in networks.items() if paths[0].resolve().parent == BUNDLES}
    for name, bundle in shipped.items():
        draw(BUNDLES / bundle / PICTURE, data, found[name])
    results[arguments.set] = result | {"score": scores, "bundles": shipped, **more}
    arguments.results.write_text(json.dumps(results, indent=2) + "\n")
    if arguments.report is not None:
        page = arguments.report / f"{arguments.set}.html"
        detection_report(page, data.title, data.images, found, data.truth, n=arguments.resamplings)


if __name__ == "__main__":
    main()
