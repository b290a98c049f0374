"""InfoGAN and BEGAN learn from real images within a minute: both beat the Gaussian per pixel, and the images of the
InfoGAN tell most of what its codes hold, where those of an untrained generator tell nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from learning import adam, distances, fit

from monai_gan.data import ImageDataset
from monai_gan.networks.nets import (
    BEGANDiscriminator,
    BEGANGenerator,
    DCGANDiscriminator,
    DCGANGenerator,
    InfoGANDiscriminator,
    InfoGANGenerator,
)
from monai_gan.variants import BEGAN, InfoGAN

pytestmark = pytest.mark.learning


def test_infogan(data_root: Path) -> None:
    torch.manual_seed(0)
    train, test = (ImageDataset("pneumoniamnist28", split) for split in ("train", "test"))
    generator = DCGANGenerator(2, 64, image_size=28, channels=16, max_channels=64, upsample="resize")
    critic = DCGANDiscriminator(2, image_size=28, channels=16, max_channels=64)
    variant = InfoGAN(InfoGANGenerator(generator, [3], 1), InfoGANDiscriminator(critic, [3], 1))
    held_out = variant.latents(512, seed=2**40)
    assert variant.information(held_out)["category_0_share"] < 0.05
    trainer = fit(variant, train, 400, adam(4e-4, 0.5))
    ours, gaussian = distances(trainer, train.stack(), test.stack())
    assert isinstance(trainer.ema.variant, InfoGAN)
    found = trainer.ema.variant.information(held_out)
    assert ours < 0.5 * gaussian
    assert found["category_0_share"] > 0.8
    assert found["continuous_0"] > 0.3


def test_began(data_root: Path) -> None:
    torch.manual_seed(0)
    train, test = (ImageDataset("pneumoniamnist28", split) for split in ("train", "test"))
    variant = BEGAN(
        BEGANGenerator(2, 32, image_size=28, channels=8),
        BEGANDiscriminator(2, image_size=28, channels=8, hidden_size=32),
        gamma=1.3,
        rate=0.1,
    )
    trainer = fit(variant, train, 500, adam(7e-4, 0.5), batch_size=16, precision="fp32")
    ours, gaussian = distances(trainer, train.stack(), test.stack())
    assert ours < 0.5 * gaussian
