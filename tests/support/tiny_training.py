"""A trainer small enough to run dozens of iterations in a second."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from monai_gan.data import StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.losses import GradientPenalty
from monai_gan.networks.nets import DCGANDiscriminator, DCGANGenerator
from monai_gan.variants import DCGAN, WGANGP, Variant


class Images(Dataset[dict[str, Tensor]]):
    """Forty-eight smooth 12 px images."""

    def __init__(self, n: int = 48) -> None:
        noise = torch.randn(n, 1, 3, 3, generator=torch.Generator().manual_seed(5))
        self.images = torch.nn.functional.interpolate(noise, size=12, mode="bilinear").clamp(-1, 1)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"image": self.images[index]}


def tiny_variant(kind: str = "dcgan", interval: int = 1) -> Variant:
    """A variant of about a thousand weights.

    ``"wgan_gp"`` has no coupling between the samples of a batch, ``"dropout"`` draws from the global generator.
    """
    torch.manual_seed(0)
    coupled = kind == "dcgan"
    generator = DCGANGenerator(2, 8, 1, 12, channels=4, max_channels=8, norm="batch" if coupled else None)
    critic = DCGANDiscriminator(2, 1, 12, channels=4, max_channels=8, norm="batch" if coupled else None)
    if kind == "dropout":
        critic.levels.append(nn.Dropout(0.5))
    if coupled:
        return DCGAN(generator, critic)
    return WGANGP(generator, critic, GradientPenalty(interval=interval))


def tiny_trainer(variant: Variant, batch_size: int = 8, max_epochs: int = 1, **arguments: Any) -> GANTrainer:
    """A trainer of a variant on ``Images``."""
    optimizers = {
        name: torch.optim.Adam(network.parameters(), 1e-3, betas=(0.5, 0.9))
        for name, network in variant.networks.items()
    }
    schedulers = {name: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.5, 4) for name, o in optimizers.items()}
    arguments = {"schedulers": schedulers, **arguments}
    return GANTrainer("cpu", max_epochs, StreamLoader(Images(), batch_size), variant, optimizers, **arguments)
