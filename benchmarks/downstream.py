"""Do synthetic images help a classifier of real ones? Pneumonia in 28 px chest X-rays, from 25 images to all.

    MONAI_GAN_DATA=... python -m benchmarks.downstream [--seeds 5] [--iterations 1000] [--work runs/downstream]

The result goes to ``benchmarks/results/downstream.json``; ``python -m benchmarks.report`` puts it into the docs. What
is finished lies in ``--work``, so that the same command goes on after an interruption. The rules of the comparison are
those of ``monai_gan.metrics.learning_curve``.

The generator is one small WGAN-GP per class. A conditional variant takes its place as another ``FitGenerator``:
whatever is trained on labelled images and has ``sample(labels, seed, truncation)``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from benchmarks.results import environment, save
from monai_gan.data import ImageDataset, StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.metrics.classification import ClassifierTraining, Labelled
from monai_gan.metrics.downstream import ARMS, LabelledGenerator, compare_arms, learning_curve
from monai_gan.networks.nets import DCGANDiscriminator, DCGANGenerator
from monai_gan.variants import WGANGP

DATA = "pneumoniamnist28"
SIZES = (25, 100, 400, None)
#: Parts of a training between which the rates fall.
EPOCHS = 10


@dataclass(frozen=True)
class OnePerClass:
    """Trains one unconditional WGAN-GP per class: a ``FitGenerator``.

    Args:
        iterations: generator steps per class.
        channels: of the finest feature maps.
        latent_size: length of a latent.
        batch_size: images per step, or all images of the class where there are fewer.
        n_critic: critic steps per generator step.
        rate: of Adam for both networks.
        precision: of the trainer.
    """

    iterations: int = 1000
    channels: int = 16
    latent_size: int = 32
    batch_size: int = 32
    n_critic: int = 2
    rate: float = 1e-3
    precision: str = "bf16"

    def __call__(self, real: Labelled, seed: int) -> LabelledGenerator:
        """Train on all images of ``real``, class by class."""
        classes = range(int(real.labels.max()) + 1)
        return PerClass([self._train(real.images[real.labels == label], seed) for label in classes])

    def _train(self, images: Tensor, seed: int) -> GANTrainer:
        sizes: dict[str, Any] = {
            "image_size": tuple(images.shape[2:]),
            "channels": self.channels,
            "max_channels": 4 * self.channels,
        }
        dims, colours = images.ndim - 2, images.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            variant = WGANGP(
                DCGANGenerator(dims, self.latent_size, colours, upsample="resize", **sizes),
                DCGANDiscriminator(dims, colours, norm=None, **sizes),
            )
        optimizers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(network.parameters(), self.rate, betas=(0.0, 0.99))
            for name, network in variant.networks.items()
        }
        trainer = GANTrainer(
            "cpu",
            EPOCHS,
            StreamLoader(TensorDataset(images), min(self.batch_size, len(images)), seed=seed),
            variant,
            optimizers,
            schedulers={
                name: torch.optim.lr_scheduler.LinearLR(one, 1.0, 0.05, EPOCHS) for name, one in optimizers.items()
            },
            n_critic=self.n_critic,
            ema_decay=0.995,
            precision=self.precision,
            seed=seed,
            epoch_length=max(1, self.iterations // EPOCHS),
        )
        trainer.run()
        return trainer


class PerClass:
    """One trained model per class behind the face of a conditional one."""

    def __init__(self, trainers: Sequence[GANTrainer]) -> None:
        self.trainers = trainers

    def sample(self, labels: Tensor, seed: int, truncation: float = 1.0) -> Tensor:
        """Images (N, C, *S) in [-1, 1] of the classes ``labels`` (N,)."""
        images: dict[int, Tensor] = {}
        for label, trainer in enumerate(self.trainers):
            positions = torch.nonzero(labels == label).flatten().tolist()
            latents = trainer.variant.latents(len(positions), seed) * truncation
            made = torch.cat([trainer.sample(some) for some in latents.split(256)]).cpu()
            images.update(zip(positions, made, strict=True))
        return torch.stack([images[position] for position in range(len(labels))])


def labelled(split: str) -> Labelled:
    """One part of the data set, as its authors split it."""
    data = ImageDataset(DATA, split)  # type: ignore[arg-type]
    return Labelled(data.stack(), torch.as_tensor(data.labels))


def measure(seeds: int, fit: OnePerClass, training: ClassifierTraining, work: Path) -> list[dict[str, Any]]:
    """All rows of the learning curve; those that ``work`` has already are not made again."""
    kept = work / "rows.jsonl"
    rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()] if kept.is_file() else []
    known = {(row["n"], row["seed"]) for row in rows}
    train, val, test = (labelled(split) for split in ("train", "val", "test"))
    work.mkdir(parents=True, exist_ok=True)
    for cell in learning_curve(
        *(train, val, test, fit),
        sizes=SIZES,
        seeds=range(seeds),
        training=training,
        skip=lambda size, seed: (size, seed) in known,
    ):
        rows += cell
        with kept.open("a", encoding="utf-8") as file:
            file.write("".join(f"{json.dumps(row)}\n" for row in cell))
        found = ", ".join(f"{row['arm']} {row['test']['auroc']:.3f}" for row in cell)
        print(f"n={cell[0]['n']} seed={cell[0]['seed']}: AUROC {found}", flush=True)  # noqa: T201
    return rows


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=OnePerClass.iterations, help="of each generator")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("runs/downstream"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    fit, training = OnePerClass(options.iterations), ClassifierTraining()
    rows = measure(options.seeds, fit, training, options.work)
    save(
        {
            "benchmark": "downstream",
            **environment(options.threads),
            "data": DATA,
            "images": {split: len(labelled(split).labels) for split in ("train", "val", "test")},
            "generator": asdict(fit),
            "classifier": asdict(training),
            "arms": {arm: [setting.name for setting in settings] for arm, settings in ARMS.items()},
            "rows": rows,
            "comparisons": {
                score: {opponent: compare_arms(rows, opponent, score) for opponent in ("real", "real + classical")}
                for score in ("auroc", "balanced_accuracy")
            },
        }
    )


if __name__ == "__main__":
    main()
