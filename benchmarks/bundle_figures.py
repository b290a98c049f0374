"""First figures of the chest X-ray bundles: measured, written into metadata and model card, and drawn as a picture.

    MONAI_GAN_DATA=... python -m benchmarks.bundle_figures chest_xray_dcgan

Samples are compared with the test split, which neither training nor any choice has seen. Beside each figure stand the
same figure of real training images (the floor), of a Gaussian per pixel fitted to them, and of the untrained network.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from monai_gan.apps import load
from monai_gan.bundle import BundleInfo, find_bundle, write_checksums
from monai_gan.bundle.files import METADATA, read_json, write_json
from monai_gan.bundle.network import build_network
from monai_gan.data import ImageDataset, Provenance, seeded_latents
from monai_gan.data.grid import write_grid
from monai_gan.metrics import ClassProbe, mean_pairwise_distance, sliced_wasserstein

SEED = 2024
#: Samples in the picture of the model card.
SHOWN = 36
CLASS = "CXR"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


def compared_sets(bundle: Path, n: int) -> dict[str, Tensor]:
    """The sets that stand side by side, ``n`` images each."""
    train = ImageDataset(f"mednist64/{CLASS}", "train").stack()
    generator = torch.Generator().manual_seed(SEED)
    model = load(bundle)
    torch.manual_seed(SEED)
    untrained = build_network(bundle).eval()
    with torch.inference_mode():
        noise = untrained(seeded_latents(n, int(untrained.latent_size), SEED))  # type: ignore[arg-type]
    gaussian = train.mean(0) + train.std(0) * torch.randn(n, *train.shape[1:], generator=generator)
    return {
        "this model": model.scale.to_model(model.sample(n, seed=SEED)),
        "real training images": train[torch.randperm(len(train), generator=generator)[:n]],
        "Gaussian per pixel": gaussian.clamp(-1, 1),
        "untrained network": noise,
    }


def trained_probe() -> ClassProbe:
    """The classifier of the six classes."""
    train = ImageDataset("mednist64", "train")
    return ClassProbe(train.stack(), torch.as_tensor(train.labels), train.label_names)


def measure(sets: dict[str, Tensor], test: Tensor, probe: ClassProbe) -> dict[str, dict[str, float]]:
    """Figures of every set against the test images, by name of the figure."""
    real = mean_pairwise_distance(test)
    return {
        "sliced_wasserstein": {name: sliced_wasserstein(images, test) for name, images in sets.items()},
        "diversity_ratio": {name: mean_pairwise_distance(images) / real for name, images in sets.items()},
        "share_called_chest_xray": {name: probe.fractions(images)[CLASS] for name, images in sets.items()},
    }


def as_metrics(figures: dict[str, dict[str, float]], n: int) -> list[dict[str, Any]]:
    """The figures in the form of the bundle's metadata; the first is the headline."""
    return [
        {
            "name": name,
            "value": round(values["this model"], 4),
            "n": n,
            "extractor": "6-class probe trained on MedNIST" if name.startswith("share") else None,
            "data": "mednist64 CXR",
            "split": "test",
            "floor": round(values["real training images"], 4),
            "baseline": {key: round(values[key], 4) for key in ("Gaussian per pixel", "untrained network")},
            "mark": i == 0,
        }
        for i, (name, values) in enumerate(figures.items())
    ]


EXPLANATIONS = {
    "sliced_wasserstein": "Sliced Wasserstein distance of patches over three scales; lower is better",
    "diversity_ratio": "Mean distance between two images, as a share of that between real ones; 1 is right",
    "share_called_chest_xray": "Share that a 6-class classifier calls chest X-ray; 1 is right",
}


def table(figures: dict[str, dict[str, float]], n: int) -> str:
    """The figures as a Markdown table."""
    columns = list(next(iter(figures.values())))
    rows = [
        f"| {EXPLANATIONS[name]} | " + " | ".join(f"{values[column]:.3f}" for column in columns) + " |"
        for name, values in figures.items()
    ]
    head = f"| figure (n = {n}, against the test split) | " + " | ".join(columns) + " |"
    return "\n".join([head, "|---|" + "---|" * len(columns), *rows])


def main() -> None:
    """Measure the named bundles and write what was found into them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+")
    names = parser.parse_args().bundles
    test, probe = ImageDataset(f"mednist64/{CLASS}", "test").stack(), trained_probe()
    for name in names:
        bundle = find_bundle(name)
        n = len(test)
        sets = compared_sets(bundle, n)
        figures = measure(sets, test, probe)
        metadata = read_json(bundle / METADATA)
        metadata["monai_gan"]["metrics"] = as_metrics(figures, n)
        write_json(bundle / METADATA, metadata)
        card = bundle / "docs" / "README.md"
        before, rest = card.read_text(encoding="utf-8").split(BEGIN)
        text = f"{before}{BEGIN}\n{table(figures, n)}\n{END}{rest.split(END)[1]}"
        card.write_text(text, encoding="utf-8")
        info = BundleInfo.from_path(bundle)
        origin = Provenance(info.name, info.version, info.weights_sha256, seed=SEED, extra={"overview_of": SHOWN})
        write_grid(bundle / "docs" / "samples.png", sets["this model"][:SHOWN], origin)
        write_checksums(bundle)
        print(f"{name}\n{table(figures, n)}")  # noqa: T201


if __name__ == "__main__":
    main()
