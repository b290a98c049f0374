"""Does adaptive augmentation help on a hundred images? Two trainings of StyleGAN2 that differ in it alone.

    MONAI_GAN_DATA=... python -m benchmarks.adaptive_augment RUNS [seconds=540]

The networks are those of ``breast_us_stylegan2_ada``, narrower, of 64 x 64 pixels and without classes; both learn from
every fifth of the first 500 training images of ``busi128`` for the same time. What ``RUNS`` holds already is measured
and not trained again. The figures go to ``benchmarks/results/adaptive_augment.json``.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.cards import DIGITS
from benchmarks.results import environment, save
from monai_gan.apps import evaluate, train
from monai_gan.bundle import find_bundle, write_checksums
from monai_gan.bundle.files import METADATA, read_json, write_json

NAME = "breast_us_stylegan2_ada"
SIDE, WIDTH = 64, 16
IMAGES = "$list(range(0, 500, 5))"
FIGURES = ("kid", "fid", "precision", "recall", "coverage", "memorisation")


def configure(folder: Path, *, augmented: bool) -> Path:
    """A bundle of the small set, with or without augmentation."""
    bundle = folder / NAME
    shutil.copytree(find_bundle(NAME), bundle, ignore=shutil.ignore_patterns("models", "*.png", "samples.json"))
    training, inference, metadata = (
        read_json(bundle / name) for name in ("configs/train.json", "configs/inference.json", METADATA)
    )
    sizes = {"image_size": SIDE, "channels": WIDTH, "num_classes": 0}
    for network in ("network_def", "discriminator_def"):
        training[network] |= sizes
    inference["network_def"] |= sizes
    inference["dataset"].pop("num_classes")
    inference["evaluator"].pop("prepare_batch")
    part = training["train"]
    part["all_images"] = part["dataset"] | {"image_size": SIDE}
    part["dataset"] = {"_target_": "torch.utils.data.Subset", "dataset": "@train::all_images", "indices": IMAGES}
    training["variant"]["r1"]["weight"] = 0.1
    if not augmented:
        training["variant"]["augment"] = None
    metadata["network_data_format"]["outputs"]["pred"]["spatial_shape"] = [SIDE, SIDE]
    own = metadata["monai_gan"]
    own.pop("labels", None)
    own |= {"quality": "untrained", "metrics": []}
    write_json(bundle / "configs/train.json", training)
    write_json(bundle / "configs/inference.json", inference)
    write_json(bundle / METADATA, metadata)
    write_checksums(bundle)
    return bundle


def measure(bundle: Path, folder: Path) -> dict[str, float]:
    """Figures of a trained bundle against the test images."""
    rows = read_json(evaluate(bundle, folder, trust=True)[0])["rows"]["this model"]
    return {
        kind: round(figure["value"], DIGITS)
        for kind in FIGURES
        for name, figure in rows.items()
        if name.startswith(f"{kind}_") and not name.endswith("pixels")
    }


def main() -> None:
    """Train what is not there, and measure both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument(
        "settings", nargs="*", metavar="KEY=VALUE", help="of both trainings, as `monai-gan train` takes"
    )
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name, augmented in (("adaptive augmentation", True), ("none", False)):
        run = arguments.runs / ("augmented" if augmented else "plain")
        with tempfile.TemporaryDirectory() as folder:
            if not (run / NAME).is_dir():
                settings = dict(word.split("=", 1) for word in arguments.settings)
                train(configure(Path(folder), augmented=augmented), run, settings, trust=True)
            steps = read_json(run / NAME / METADATA)["monai_gan"]["training"]["steps"]
            rows.append({"augmentation": name, "steps": steps, **measure(run / NAME, Path(folder) / "report")})
        print(rows[-1], flush=True)  # noqa: T201
    save({"benchmark": "adaptive_augment", **environment(1), "images": 100, "side": SIDE, "rows": rows})


if __name__ == "__main__":
    main()
