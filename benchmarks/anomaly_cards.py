"""Picture, figures and metrics of the detection bundles, from what ``benchmarks.anomaly`` found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.anomaly_sets import AnomalySet
from benchmarks.cards import DIGITS, write_card, write_metrics
from monai_gan.apps.overview import overview
from monai_gan.bundle import write_checksums
from monai_gan.networks.nets import Detection

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
PICTURE = "docs/detections.png"
#: Anomalous and normal images that are shown, and the shorter side of each in pixels.
SHOWN = {True: 5, False: 3}
SIDE = 128
#: Figures of the metadata, by their names in the results.
METRICS = {"auroc": "image_auroc", "pixel_average_precision": "pixel_average_precision"}


def draw(path: Path, data: AnomalySet, found: Detection) -> None:
    """Images, what is anomalous of them, reconstructions and maps; those at even ranks of the score of both kinds."""
    columns = []
    full = float(torch.quantile(found.map.flatten(1).amax(1), 0.9))
    for kind, count in SHOWN.items():
        members = np.flatnonzero(data.truth.anomalous == kind)
        order = members[np.argsort(found.score.numpy()[members], kind="stable")]
        for number in order[np.linspace(0, len(order) - 1, count).round().astype(int)].tolist():
            columns.append(_column(data, found, number, full))
    picture = Image.fromarray(np.concatenate(columns, axis=1))
    picture.save(path)


def _column(data: AnomalySet, found: Detection, number: int, full: float) -> np.ndarray:
    """One image from above: as it is, its mask if there are any, its reconstruction, the map in red."""
    parts = [data.images[number], found.reconstruction[number].clamp(-1, 1), found.map[number]]
    if data.truth.masks is not None:
        parts.insert(1, data.truth.masks[number].float() * 2 - 1)
    if parts[0].ndim == 4:
        # Of volumes the slice with most of the mask, or of the map.
        weight = parts[1] if data.truth.masks is not None and data.truth.masks[number].any() else parts[-1]
        place = int(weight.flatten(1, 2).sum(1)[0].argmax())
        parts = [part[..., place].transpose(1, 2).flip(1) for part in parts]
    *grey, heat = (_enlarged(part) for part in parts)
    red = overview(grey[0], heat, full)
    shades = [((shade[0].clamp(-1, 1) + 1) * 127.5).byte().numpy()[..., None].repeat(3, axis=-1) for shade in grey]
    factor = red.shape[1] // shades[0].shape[1]
    laid = red[red.shape[0] // 2 :: factor, ::factor]
    return np.concatenate([*shades, laid])


def _enlarged(image: Tensor) -> Tensor:
    factor = max(1, SIDE // min(image.shape[1:]))
    return image.repeat_interleave(factor, 1).repeat_interleave(factor, 2)


def write_bundle_figures(name: str, row: str, result: Mapping[str, Any], text: str) -> None:
    """Put the figures of a row into the card and the metadata of the bundle ``name``."""
    root = BUNDLES / name
    write_card(root, text)
    metrics = [
        {
            "name": metric,
            "value": round(result["rows"][row][key][0], DIGITS),
            "n": result["n"],
            "extractor": None,
            "data": result["title"],
            "split": "test",
            "floor": None,
            "baseline": {
                other: round(values[key][0], DIGITS)
                for other, values in result["rows"].items()
                if other not in result["bundles"] and values[key] is not None
            },
            "mark": key == "auroc",
        }
        for key, metric in METRICS.items()
        if result["rows"][row][key] is not None
    ]
    write_metrics(root, metrics, None, None)
    write_checksums(root)
