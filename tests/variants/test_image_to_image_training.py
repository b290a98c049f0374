"""The trainer trains the image-to-image variants, through their phases, and resumes them bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from ignite.engine import Events
from monai.networks.nets.patchgan_discriminator import PatchDiscriminator
from torch import Tensor, nn
from torch.utils.data import Dataset

from monai_gan.data import StreamLoader, UnpairedDataset
from monai_gan.engines import GANTrainer
from monai_gan.networks.nets import ResNetGenerator, SRResNet
from monai_gan.transforms import KSpaceTruncated
from monai_gan.variants import SRGAN, CycleGAN, Pix2Pix, Variant


class Pairs(Dataset[dict[str, Tensor]]):
    """Smooth images, and what they shall become: the same with the opposite sign."""

    def __init__(self, prepare: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> None:
        noise = torch.randn(16, 1, 4, 4, generator=torch.Generator().manual_seed(3))
        self.images = nn.functional.interpolate(noise, size=16, mode="bicubic").clamp(-1, 1)
        self.prepare = prepare

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.prepare({"image": self.images[index], "target": -self.images[index]})


def generator() -> nn.Module:
    return ResNetGenerator(2, channels=4, num_halvings=1, num_blocks=1, norm=None)


def discriminator(in_channels: int = 1) -> nn.Module:
    return PatchDiscriminator(2, 4, in_channels, num_layers_d=1, norm="instance")


def pix2pix() -> tuple[Variant, Any]:
    return Pix2Pix(generator(), discriminator(2)), Pairs(lambda pair: pair)


def cyclegan() -> tuple[Variant, Any]:
    images = Pairs(lambda pair: {"image": pair["image"]})
    targets = Pairs(lambda pair: {"image": pair["target"]})
    networks = generator(), generator(), discriminator(), discriminator()
    return CycleGAN(*networks, pool_size=6), UnpairedDataset(images, targets)


def srgan() -> tuple[Variant, Any]:
    truncate = KSpaceTruncated("image", 2)

    def low_and_high(pair: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"image": truncate({"image": pair["image"]})["image"].as_tensor(), "target": pair["image"]}

    network = SRResNet(2, channels=4, num_blocks=1, norm=None)
    return SRGAN(network, discriminator(), pretraining_iterations=3), Pairs(low_and_high)


def trainer(kind: Callable[[], tuple[Variant, Any]], iterations: int = 6, **arguments: Any) -> GANTrainer:
    torch.manual_seed(0)
    variant, data = kind()
    optimizers = {
        name: torch.optim.Adam(network.parameters(), 3e-3, betas=(0.5, 0.9))
        for name, network in variant.networks.items()
    }
    return GANTrainer("cpu", 1, StreamLoader(data, 4), variant, optimizers, epoch_length=iterations, **arguments)


@pytest.mark.parametrize("kind", [pix2pix, cyclegan, srgan])
def test_resumed_training_equals_uninterrupted(kind: Callable[[], tuple[Variant, Any]]) -> None:
    whole = trainer(kind)
    whole.run()
    first = trainer(kind)
    first.add_event_handler(Events.ITERATION_COMPLETED(once=4), lambda engine: engine.terminate(skip_completed=True))
    first.run()
    second = trainer(kind)
    second.load_state_dict(first.state_dict())
    second.run()
    for (name, one), two in zip(whole.variant.named_parameters(), second.variant.parameters(), strict=True):
        assert torch.equal(one, two), name


@pytest.mark.parametrize("channels_last", [False, True])
def test_pix2pix_learns_the_sign_within_seconds(channels_last: bool) -> None:
    training = trainer(pix2pix, 150, ema_decay=0.9, channels_last=channels_last)
    training.run()
    with torch.no_grad():
        images = pix2pix()[1].images
        error = (training.sample(images) + images).abs().mean()
    # The best image that is the same for all inputs, and the input itself.
    constant, identity = (images - images.mean(0)).abs().mean(), 2 * images.abs().mean()
    assert error < 0.25 * constant < identity
