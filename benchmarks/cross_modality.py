"""Does a segmenter that saw T1 alone work on T2? White matter, with and without augmentation across modality.

    MONAI_GAN_DATA=... python -m benchmarks.cross_modality [--bundle brain_t1_to_t2_pix2pix] [--seeds 5]

The result goes to ``benchmarks/results/cross_modality.json``; ``python -m benchmarks.report`` puts it into the docs.
Finished rows lie in ``--work``, so that the same command goes on after an interruption; each bundle needs its own.

A U-Net of axial slices learns from the T1 volumes of the data's training subjects, and is tested once, as it is after
the last step, on the T1 and the T2 of the test subject. There is no manual segmentation: the label is the brightest of
three classes of the T1 inside the brain mask, and the volumes of a session lie on one grid.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from monai.data import CacheDataset, DataLoader, Dataset
from monai.losses import DiceCELoss
from monai.networks.nets import UNet
from monai.transforms import (
    Compose,
    CopyItemsd,
    EnsureChannelFirstd,
    LoadImaged,
    RandAdjustContrastd,
    RandFlipd,
    RandHistogramShiftd,
    RandLambdad,
    SelectItemsd,
)
from torch import Tensor
from torch.utils.data import RandomSampler

from benchmarks.results import environment, save
from monai_gan.bundle import BundleInfo, find_bundle
from monai_gan.inferers import StackedSliceInferer
from monai_gan.transforms import RandStackedSliced, RandTranslated, ScaleForegroundd, Translated

DATA = "brain_multicontrast"
#: In [-1, 1], so that the sign turns the contrast round.
CLASSICAL = (
    RandLambdad("image", operator.neg, prob=0.5),
    RandAdjustContrastd("image", prob=0.5, gamma=(0.5, 2.0)),
    RandHistogramShiftd("image", prob=0.5, num_control_points=(5, 10)),
)


@dataclass(frozen=True)
class Training:
    """How a segmenter learns, the same in every arm.

    Args:
        steps: of the optimizer.
        batch_size: slices per step.
        rate: of Adam.
        channels: of the U-Net, finest first.
    """

    steps: int = 200
    batch_size: int = 8
    rate: float = 3e-3
    channels: tuple[int, ...] = (8, 16, 32, 64)


@dataclass(frozen=True)
class Arm:
    """What a segmenter sees.

    Args:
        name: of the arm.
        source: entry with the volumes that it learns from.
        volume: further transforms of whole volumes.
        slices: further transforms of slices.
    """

    name: str
    source: str = "T1"
    volume: tuple[Any, ...] = ()
    slices: tuple[Any, ...] = ()


def arms() -> tuple[Arm, ...]:
    """The comparison: nothing, what can be had without a GAN, the GAN, and what cannot be had."""
    return (
        Arm("T1"),
        Arm("T1 + intensity augmentation", slices=CLASSICAL),
        Arm("T1 + RandTranslated", volume=(RandTranslated("T1", prob=0.5, translated_keys="translated"),)),
        Arm("real T2", source="T2"),
    )


def sessions(root: Path, split: str) -> list[dict[str, str]]:
    """The files of each session of a split that has T1, by contrast; ``brain`` is the mask."""
    found = []
    with (root / "sessions.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            folder = root / row["subject"] / row["session"]
            if row["split"] == split and row["has_T1"] == "1":
                files = {name: str(folder / f"{name}.nii.gz") for name in ("T1", "T2") if row[f"has_{name}"] == "1"}
                found.append({**files, "brain": str(folder / "brainmask.nii.gz")})
    return found


def white_matter(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Add ``label`` (1, X, Y, Z): the brightest of three classes of the T1 inside the brain (k-means)."""
    image, brain = sample["T1"].as_tensor(), sample["brain"].as_tensor() > 0
    values = image[brain]
    centres = values.quantile(torch.tensor([0.1, 0.5, 0.9]))
    for _ in range(20):
        nearest = (values[:, None] - centres).abs().argmin(1)
        centres = torch.stack([values[nearest == i].mean() if (nearest == i).any() else centres[i] for i in range(3)])
    label = torch.zeros_like(image)
    label[brain] = (nearest == 2).float()
    return {**sample, "label": label}


def prepared(files: Sequence[dict[str, str]], bundle: Path | None) -> CacheDataset:
    """Volumes in [-1, 1] with their labels, in memory; with a bundle also the translations of the T1."""
    keys = ["T1", "T2", "brain"]
    steps: list[Callable[..., Any]] = [
        LoadImaged(keys, allow_missing_keys=True),
        EnsureChannelFirstd(keys, allow_missing_keys=True),
        white_matter,
    ]
    if bundle is not None:
        steps.append(Translated("T1", bundle, output_keys="translated"))
    steps.append(ScaleForegroundd(["T1", "T2", "translated"], allow_missing_keys=True))
    return CacheDataset(list(files), Compose(steps), progress=False, num_workers=1, copy_cache=False)


def train(arm: Arm, volumes: CacheDataset, training: Training, seed: int) -> UNet:
    """A segmenter of slices (N, 1, H, W) in [-1, 1], two classes."""
    draw = Compose(
        [
            *arm.volume,
            SelectItemsd([arm.source, "label"]),
            RandStackedSliced(["label", arm.source], threshold=0.5, share=0.01),
            CopyItemsd(arm.source, names="image"),
            *arm.slices,
            RandFlipd(["image", "label"], prob=0.5, spatial_axis=0),
        ]
    ).set_random_state(seed)
    data = Dataset([sample for sample in volumes if arm.source in sample], draw)
    sampler = RandomSampler(data, replacement=True, num_samples=training.steps * training.batch_size)
    torch.manual_seed(seed)  # after the volumes, whose first use draws numbers
    network = UNet(2, 1, 2, training.channels, [2] * (len(training.channels) - 1), num_res_units=1)
    loss = DiceCELoss(to_onehot_y=True, softmax=True)
    optimizer = torch.optim.Adam(network.parameters(), training.rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, training.steps)
    for batch in DataLoader(data, batch_size=training.batch_size, sampler=sampler):
        optimizer.zero_grad()
        loss(network(batch["image"].as_tensor()), batch["label"].as_tensor()).backward()
        optimizer.step()
        schedule.step()
    return network.eval()


@torch.inference_mode()
def dice(network: UNet, image: Tensor, label: Tensor) -> float:
    """Of a volume (1, X, Y, Z) in [-1, 1]."""
    found = StackedSliceInferer(batch_size=16, divisor=16)(image[None], network)[0].argmax(0, keepdim=True) > 0
    truth = label > 0
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


def measure(root: Path, bundle: Path, training: Training, seeds: int, work: Path) -> list[dict[str, Any]]:
    """A row for each seed and arm, with the Dice coefficient of the test volumes, the mean where there are several.

    Rows that ``work`` has already are not made again.
    """
    kept = work / "rows.jsonl"
    rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()] if kept.is_file() else []
    work.mkdir(parents=True, exist_ok=True)
    learn, test = prepared(sessions(root, "train"), bundle), prepared(sessions(root, "test"), None)
    for seed, arm in itertools.product(range(seeds), arms()):
        if any(row["seed"] == seed and row["arm"] == arm.name for row in rows):
            continue
        network = train(arm, learn, training, seed)
        scores = {
            contrast: sum(dice(network, one[contrast].as_tensor(), one["label"]) for one in test) / len(test)
            for contrast in ("T1", "T2")
        }
        rows.append({"seed": seed, "arm": arm.name, "dice": scores})
        with kept.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(rows[-1])}\n")
        shown = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
        print(f"seed={seed} {arm.name}: Dice {shown}", flush=True)  # noqa: T201
    return rows


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="brain_t1_to_t2_pix2pix")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=Training.steps)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("runs/cross_modality"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    root, bundle = Path(os.environ["MONAI_GAN_DATA"]) / DATA, find_bundle(options.bundle)
    training, info = Training(options.steps), BundleInfo.from_path(bundle)
    rows = measure(root, bundle, training, options.seeds, options.work)
    save(
        {
            "benchmark": "cross_modality",
            **environment(options.threads),
            "data": DATA,
            "volumes": {split: len(sessions(root, split)) for split in ("train", "test")},
            "bundle": {"name": info.name, "version": info.version, "sha256": info.weights_sha256},
            "training": asdict(training),
            "rows": rows,
        }
    )


if __name__ == "__main__":
    main()
