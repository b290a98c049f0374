"""Detectors learn within a minute to reconstruct normal chest X-rays that they have not seen: much better than the mean
image, a baseline that knows no individual anatomy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from monai_gan.data import ImageDataset, StreamLoader, normal_images
from monai_gan.engines import GANTrainer
from monai_gan.metrics import run_detector
from monai_gan.networks.nets import (
    DCGANDiscriminator,
    DCGANEncoder,
    GANomalyNetwork,
    ReconstructionNetwork,
    UNetGenerator,
    WGANGenerator,
)
from monai_gan.variants import DenoisingAutoEncoder, FAnoGAN, GANomaly, Variant

pytestmark = pytest.mark.learning

SIZES: dict[str, Any] = {"image_size": 28, "channels": 16, "max_channels": 64}
LATENT = 8 * 7 * 7


def encoder() -> nn.Module:
    return DCGANEncoder(2, LATENT, norm="layer", projection="grid", **SIZES)


def generator() -> nn.Module:
    return WGANGenerator(2, LATENT, norm="layer", projection="grid", **SIZES)


def fanogan() -> Variant:
    critic = DCGANDiscriminator(2, norm="layer", **SIZES)
    return FAnoGAN(generator(), critic, encoder(), gan_iterations=50, encoder_iterations=20, kappa=0.1, noise=0.4)


def ganomaly() -> Variant:
    network = GANomalyNetwork(encoder(), generator(), encoder())
    return GANomaly(network, DCGANDiscriminator(2, norm="layer", **SIZES), noise=0.4)


def autoencoder() -> Variant:
    network = UNetGenerator(2, features=(8, 16, 32, 32, 32, 8), norm=("group", {"num_groups": 1}))
    return DenoisingAutoEncoder(ReconstructionNetwork(network))


@pytest.mark.parametrize(
    ("make", "iterations"),
    [
        pytest.param(fanogan, 260, id="fanogan"),
        pytest.param(ganomaly, 150, id="ganomaly"),
        pytest.param(autoencoder, 60, id="denoising_autoencoder"),
    ],
)
def test_normal_images_are_reconstructed(data_root: Path, make: Any, iterations: int) -> None:
    torch.manual_seed(0)
    table = normal_images("pneumoniamnist28", label=0)
    train, test = ImageDataset(table, "train"), ImageDataset(table, "test").stack()
    variant: Variant = make()
    optimizers = {
        name: torch.optim.Adam(network.parameters(), 1e-3, betas=(0.5, 0.99))
        for name, network in variant.networks.items()
    }
    loader = StreamLoader(train, 32)
    trainer = GANTrainer("cpu", 1, loader, variant, optimizers, epoch_length=iterations, ema_decay=0.98)
    trainer.run()
    network: Any = trainer.ema.variant.inference_network
    ours = (run_detector(network, test).reconstruction - test).square().mean()
    mean = (train.stack().mean(0) - test).square().mean()
    assert ours < 0.6 * mean
