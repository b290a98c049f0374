"""Trainings of under a minute, and the distance of what they learnt from real images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from monai_gan.data import ImageDataset, StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.metrics import sliced_wasserstein
from monai_gan.variants import Variant


def fit(
    variant: Variant,
    data: ImageDataset,
    iterations: int,
    optimizer: Callable[..., Any],
    batch_size: int = 32,
    precision: str = "bf16",
    **arguments: Any,
) -> GANTrainer:
    """Train on the CPU."""
    optimizers = {name: optimizer(network.parameters()) for name, network in variant.networks.items()}
    loader = StreamLoader(data, batch_size)
    trainer = GANTrainer(
        "cpu",
        1,
        loader,
        variant,
        optimizers,
        epoch_length=iterations,
        ema_decay=0.99,
        precision=precision,
        **arguments,
    )
    trainer.run()
    return trainer


def distances(trainer: GANTrainer, train: Tensor, test: Tensor) -> tuple[float, float]:
    """Of the samples and of the Gaussian per pixel to the test images."""
    generator = torch.Generator().manual_seed(1)
    gaussian = train.mean(0) + train.std(0) * torch.randn(len(test), *train.shape[1:], generator=generator)
    samples = trainer.sample(trainer.variant.latents(len(test), seed=1))
    return sliced_wasserstein(samples, test), sliced_wasserstein(gaussian.clamp(-1, 1), test)


def adam(rate: float, beta1: float) -> Callable[..., torch.optim.Optimizer]:
    """Adam for the parameters that it is called with."""
    return lambda parameters: torch.optim.Adam(parameters, rate, betas=(beta1, 0.99))
