"""Each variant learns from real images within a minute: it beats the per-pixel Gaussian, a baseline that knows every
pixel's mean and spread but no anatomy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from learning import adam, distances, fit
from torch import nn

from monai_gan.data import ImageDataset
from monai_gan.networks.nets import DCGANDiscriminator, DCGANGenerator
from monai_gan.variants import DCGAN, WGAN, WGANGP, Variant

pytestmark = pytest.mark.learning


def networks(spatial_dims: int, image_size: Any, channels: int, norm: str | None) -> tuple[nn.Module, nn.Module]:
    sizes: dict[str, Any] = {"image_size": image_size, "channels": channels, "max_channels": 4 * channels}
    return (
        DCGANGenerator(spatial_dims, 64, upsample="resize", **sizes),
        DCGANDiscriminator(spatial_dims, norm=norm, **sizes),
    )


CASES = [
    pytest.param(DCGAN, "batch", adam(4e-4, 0.5), {}, 400, id="dcgan"),
    pytest.param(WGANGP, None, adam(1e-3, 0.0), {"n_critic": 2}, 300, id="wgan_gp"),
    pytest.param(WGAN, "batch", lambda p: torch.optim.RMSprop(p, 5e-4), {"n_critic": 3}, 300, id="wgan"),
]


@pytest.mark.parametrize(("kind", "norm", "optimizer", "arguments", "iterations"), CASES)
def test_chest_x_rays_in_two_dimensions(
    data_root: Path,
    kind: Callable[..., Variant],
    norm: str | None,
    optimizer: Callable[..., Any],
    arguments: dict[str, Any],
    iterations: int,
) -> None:
    torch.manual_seed(0)
    train, test = (ImageDataset("pneumoniamnist28", split) for split in ("train", "test"))
    trainer = fit(kind(*networks(2, 28, 16, norm)), train, iterations, optimizer, **arguments)
    ours, gaussian = distances(trainer, train.stack(), test.stack())
    assert ours < 0.5 * gaussian


def test_hippocampus_in_three_dimensions(data_root: Path) -> None:
    torch.manual_seed(0)
    size = (24, 32, 24)
    train, test = (ImageDataset("hippocampus3d", split, spatial_dims=3, image_size=size) for split in ("train", "test"))
    trainer = fit(WGANGP(*networks(3, size, 8, None)), train, 60, adam(1e-3, 0.0))
    ours, gaussian = distances(trainer, train.stack(), test.stack())
    assert ours < 0.5 * gaussian
