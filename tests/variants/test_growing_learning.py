"""PGGAN and BigGAN learn from real images within a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from learning import distances

from monai_gan.data import ImageDataset, StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.metrics.class_probe import ClassProbe
from monai_gan.networks.nets import BigGANDiscriminator, BigGANGenerator, PGGANDiscriminator, PGGANGenerator
from monai_gan.variants import PGGAN, BigGAN, Variant

pytestmark = pytest.mark.learning


def fit(
    variant: Variant, data: ImageDataset, iterations: int, rates: tuple[float, float], batch_size: int = 32
) -> GANTrainer:
    optimizers = {
        name: torch.optim.Adam(network.parameters(), rate, betas=(0.0, 0.99))
        for (name, network), rate in zip(variant.networks.items(), rates, strict=True)
    }
    loader = StreamLoader(data, batch_size)
    trainer = GANTrainer(
        "cpu", 1, loader, variant, optimizers, epoch_length=iterations, ema_decay=0.99, precision="bf16"
    )
    trainer.run()
    return trainer


def growing(dims: int, size: Any, channels: int, iterations: int) -> PGGAN:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"image_size": size, "channels": channels, "max_channels": 4 * channels}
    networks = PGGANGenerator(dims, 64, **sizes), PGGANDiscriminator(dims, **sizes)
    return PGGAN(*networks, fade_iterations=iterations, hold_iterations=iterations)


def test_pggan_learns_chest_x_rays_while_it_grows(data_root: Path) -> None:
    train, test = (ImageDataset("pneumoniamnist28", split) for split in ("train", "test"))
    trainer = fit(growing(2, 28, 16, 40), train, 260, (2e-3, 2e-3))
    assert float(trainer.variant.generator.growth) == 2  # type: ignore[union-attr, arg-type]
    ours, gaussian = distances(trainer, train.stack(), test.stack())
    assert ours < 0.4 * gaussian


def test_pggan_learns_the_hippocampus_in_three_dimensions(data_root: Path) -> None:
    size = (24, 32, 24)
    train, test = (ImageDataset("hippocampus3d", split, spatial_dims=3, image_size=size) for split in ("train", "test"))
    trainer = fit(growing(3, size, 4, 12), train, 110, (3e-3, 3e-3), batch_size=16)
    ours, gaussian = distances(trainer, train.stack(), test.stack())
    assert ours < 0.75 * gaussian


def test_biggan_makes_the_class_that_it_is_asked_for(data_root: Path) -> None:
    train, test = (ImageDataset("mednist64", split, image_size=16) for split in ("train", "test"))
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"image_size": 16, "channels": 16, "max_channels": 64, "attention_level": 1}
    variant = BigGAN(BigGANGenerator(2, 6, 60, **sizes), BigGANDiscriminator(2, 6, **sizes))
    trainer = fit(variant, train, 360, (1e-3, 1e-3))
    trainer.ema.variant.settle()
    labels = torch.arange(1200) % 6
    samples = trainer.sample(trainer.variant.latents(1200, seed=1), labels)
    real, classes = test.stack(), torch.from_numpy(test.labels)
    judge = ClassProbe(train.stack(), torch.from_numpy(train.labels), train.label_names)
    of_class = [judge.accuracy(samples[labels == n], labels[labels == n]) for n in range(6)]
    assert judge.accuracy(samples, labels) > 0.75, "guessing gives 0.17"
    assert min(of_class) > 0.4
    # Trained on samples alone, tested on real images; always naming the largest class gives 0.36.
    learnt = ClassProbe(samples, labels, train.label_names, epochs=10)
    assert learnt.accuracy(real, classes) > 0.5
