"""Detectors side by side on the same images: figures of images and pixels with intervals by patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics.intervals import Interval
from monai_gan.metrics.ranking import Ranking, bootstrap_interval, cluster_weights, dice, region_overlap
from monai_gan.networks.nets.detection import Detection, DetectionNetwork


@dataclass(frozen=True)
class DetectionTruth:
    """What is true of the images that detectors are tested on.

    Args:
        anomalous: (N,), True for anomalous images.
        patients: of each image; None where unknown, each image is then taken for a patient.
        masks: (N, 1, *S), the anomalous pixels, or None.
        bodies: (N, 1, *S), where pixels count, or None for everywhere.
    """

    anomalous: np.ndarray
    patients: Sequence[object] | None = None
    masks: Tensor | None = None
    bodies: Tensor | None = None


@dataclass(frozen=True)
class DetectorFigures:
    """How a detector does.

    Attributes:
        auroc, average_precision: of the images.
        pixel_average_precision, pixel_auroc, pixel_dice, region_overlap: of the pixels inside the body; None without
            masks or a map. Dice is taken at the calibrated threshold.
    """

    auroc: Interval
    average_precision: Interval
    pixel_average_precision: Interval | None = None
    pixel_auroc: Interval | None = None
    pixel_dice: float | None = None
    region_overlap: float | None = None


@torch.inference_mode()
def run_detector(detector: DetectionNetwork, images: Tensor, batch_size: int = 16) -> Detection:
    """What a detector says of images (N, C, *S), in batches, on the CPU."""
    device = next((p.device for p in (*detector.parameters(), *detector.buffers())), torch.device("cpu"))
    detector.eval()
    found = [detector.detect(batch.to(device)) for batch in images.split(batch_size)]
    return Detection(*(torch.cat([part.float().cpu() for part in parts]) for parts in zip(*found, strict=True)))


def pixel_threshold(maps: Tensor, rate: float, bodies: Tensor | None = None) -> float:
    """The value above which a share of the body's pixels lies in an average normal image.

    Args:
        maps: (N, 1, *S) of held-out normal images.
        rate: that share.
        bodies: (N, 1, *S), where pixels count.

    Raises:
        InputError: the rate is out of range or there is no map.
    """
    if not 0 < rate < 1 or not len(maps):
        raise InputError(f"rate={rate} of {len(maps)} maps gives no threshold: give a share and at least one map.")
    inside = torch.ones_like(maps, dtype=torch.bool) if bodies is None else bodies
    values = torch.cat([one[body] for one, body in zip(maps, inside, strict=True)])
    weights = torch.cat([torch.full((int(body.sum()),), 1 / max(int(body.sum()), 1)) for body in inside])
    order = values.argsort(descending=True)
    shares = weights[order].double().cumsum(0) / len(maps)
    return float(values[order[min(int((shares <= rate).sum()), len(order) - 1)]])


def detector_figures(
    found: Detection, truth: DetectionTruth, *, localises: bool = True, threshold: float | None = None, n: int = 200
) -> DetectorFigures:
    """All figures of one detector, with intervals by resampling patients, then their images.

    Args:
        found: what it says of the test images.
        truth: of these images.
        localises: whether its map says anything.
        threshold: of the map, from held-out normal images, for Dice.
        n: resamplings.
    """
    images = _images(found, truth)
    weights = cluster_weights(_patients(truth), n)
    auroc, precision = (bootstrap_interval(figure, weights) for figure in (images.auroc, images.average_precision))
    if truth.masks is None or not localises:
        return DetectorFigures(auroc, precision)
    pixels = _pixels(found, truth)
    inside = _inside(truth, found)
    marked = None if threshold is None else dice((found.map > threshold)[inside], truth.masks[inside])
    return DetectorFigures(
        auroc,
        precision,
        bootstrap_interval(pixels.average_precision, weights),
        bootstrap_interval(pixels.auroc, weights),
        marked,
        region_overlap(list(found.map), list(truth.masks), list(inside)),
    )


def paired_differences(
    found: Mapping[str, Detection], name: str, truth: DetectionTruth, *, pixels: bool = False, n: int = 200
) -> dict[str, Interval]:
    """By how much one detector is better than each other, on the same resampled patients.

    The figure is the image AUROC, or the average precision of pixels. A detector is better than another where the
    interval lies above 0.

    Args:
        found: what each detector says of the same images.
        name: the one that is compared with all others.
        truth: of these images.
        pixels: compare average precision of pixels.
        n: resamplings.

    Raises:
        InputError: the name is not among the detectors, or there are no masks for pixels.
    """
    if name not in found:
        raise InputError(f"name='{name}' is no detector here; there are {', '.join(found)}.")
    return differences_from(resampled_figures(found, truth, pixels=pixels, n=n), name)


def resampled_figures(
    found: Mapping[str, Detection], truth: DetectionTruth, *, pixels: bool = False, n: int = 200
) -> dict[str, np.ndarray]:
    """The figure that is compared of each detector (1 + n,): as it is, then on the same resampled patients.

    Raises:
        InputError: there are no masks for pixels.
    """
    if pixels and truth.masks is None:
        raise InputError("pixels=True needs masks: there are none of these images.")
    weights = cluster_weights(_patients(truth), n)

    def values(detection: Detection) -> np.ndarray:
        ranking = _pixels(detection, truth) if pixels else _images(detection, truth)
        figure = ranking.average_precision if pixels else ranking.auroc
        return np.array([figure(row) for row in (np.ones(weights.shape[1]), *weights)])

    return {name: values(detection) for name, detection in found.items()}


def differences_from(figures: Mapping[str, np.ndarray], name: str) -> dict[str, Interval]:
    """Paired differences of one detector from all others, of what `resampled_figures` gives."""
    differences = {other: figures[name] - values for other, values in figures.items() if other != name}
    return {
        other: Interval(float(values[0]), *(float(v) for v in np.nanquantile(values[1:], [0.025, 0.975])))
        for other, values in differences.items()
    }


def _patients(truth: DetectionTruth) -> Sequence[object]:
    return range(len(truth.anomalous)) if truth.patients is None else truth.patients


def _inside(truth: DetectionTruth, found: Detection) -> Tensor:
    return torch.ones_like(found.map, dtype=torch.bool) if truth.bodies is None else truth.bodies.bool()


def _images(found: Detection, truth: DetectionTruth) -> Ranking:
    return Ranking(found.score.numpy(), truth.anomalous)


def _pixels(found: Detection, truth: DetectionTruth) -> Ranking:
    inside = _inside(truth, found)
    marked: Tensor = truth.masks[inside]  # type: ignore[index]  # the callers look
    numbers = torch.arange(len(inside)).reshape(-1, *[1] * (inside.ndim - 1)).expand_as(inside)
    return Ranking(found.map[inside].numpy(), marked.numpy(), numbers[inside].numpy())
