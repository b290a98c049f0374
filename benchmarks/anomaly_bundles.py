"""Give the detection bundles what their scores mean: how images are fed to them, and the calibration.

    MONAI_GAN_DATA=... python -m benchmarks.anomaly_bundles bundles/head_ct_fanogan bundles/brain_tumor_fanogan

The held-out normal images are those of the configuration: patients that training left out, or the validation part.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from monai_gan.apps import calibrate_detector
from monai_gan.bundle import write_checksums
from monai_gan.data import normal_images, open_source

METADATA = "configs/metadata.json"


class HeldOut(NamedTuple):
    """Normal images (1, *S) in image units with the unit of each, and what a unit is."""

    images: list[Tensor]
    units: Sequence[object] | None
    unit: str


#: Blocks ``detection`` without calibration, by how the name of a bundle begins.
FORMS: dict[str, dict[str, Any]] = {
    "chest_xray_pneumonia": {"orientation": None, "score": "network", "body_threshold": None},
    "brain_tumor": {"orientation": "PLS", "score": "map", "body_threshold": "auto", "percentile": 99.5, "rate": None},
    "head_ct": {"orientation": "PLS", "score": "map", "body_threshold": "auto"},
    "hippocampus": {"orientation": "RAS", "score": "map", "body_threshold": "auto", "percentile": 99.5},
}


def _pneumonia() -> HeldOut:
    table = normal_images("pneumoniamnist28", label=0)
    return HeldOut(_validation(table), None, "image")


def _tumor() -> HeldOut:
    table = normal_images("brain_tumor_t1c")
    held_out = np.flatnonzero(np.asarray(table.splits) > 0)
    assert table.subjects is not None
    return HeldOut(_chosen(table, held_out), np.asarray(table.subjects)[held_out].tolist(), "patient")


def _head_ct() -> HeldOut:
    return HeldOut(_validation(open_source("mednist64/HeadCT")), None, "slice")


def _hippocampus() -> HeldOut:
    return HeldOut(_validation(open_source("hippocampus3d", spatial_dims=3)), None, "volume")


HELD_OUT: dict[str, Callable[[], HeldOut]] = {
    "chest_xray_pneumonia": _pneumonia,
    "brain_tumor": _tumor,
    "head_ct": _head_ct,
    "hippocampus": _hippocampus,
}


def _validation(table: Any) -> list[Tensor]:
    return _chosen(table, np.flatnonzero(np.asarray(table.splits) == 1))


def _chosen(table: Any, indices: np.ndarray) -> list[Tensor]:
    return [torch.from_numpy(np.array(table.images[int(index)]))[None] for index in indices]


def finish(root: Path) -> dict[str, Any]:
    """Write and calibrate the block ``detection`` of a bundle."""
    kind = next((start for start in FORMS if root.name.startswith(start)), None)
    if kind is None:
        sys.exit(f"'{root.name}' is none of {', '.join(FORMS)}.")
    metadata = json.loads((root / METADATA).read_text())
    metadata["monai_gan"]["detection"] = {"rate": 0.05, **FORMS[kind], "calibration": {}}
    (root / METADATA).write_text(json.dumps(metadata, indent=2) + "\n")
    write_checksums(root)
    images, units, unit = HELD_OUT[kind]()
    return calibrate_detector(root, images, units, unit)


def main() -> None:
    """Finish the bundles that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("bundles", nargs="+", type=Path)
    for root in parser.parse_args().bundles:
        block = finish(root.resolve())
        found = block["calibration"]["image"]
        sys.stdout.write(f"{root.name}: {len(found['scores'])} images of {found['n']} {found['unit']}s\n")


if __name__ == "__main__":
    main()
