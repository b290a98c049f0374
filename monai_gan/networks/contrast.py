"""The contrast of a StyleGAN2 generator's images, brought to that of real ones."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from monai_gan.data import seeded_latents
from monai_gan.networks.blocks.style import StyleBlock
from monai_gan.networks.nets.stylegan2 import StyleGAN2Generator

#: Images from which a generator's contrast is measured, their seed, how many are made at once, and rounds of scaling.
SAMPLES, SEED, BATCH, ROUNDS = 512, 0, 64, 12


@torch.no_grad()
def match_contrast(generator: StyleGAN2Generator, mean: Tensor, deviation: Tensor) -> Tensor:
    """Scale and shift the images that a generator makes, by its last layers' weights, to a wanted mean and deviation.

    After a short training a generator may make images of less contrast than the real ones, and measures of quality see
    it.

    Args:
        generator: trained; changed in place.
        mean: of all pixels of the real images, per channel (C,).
        deviation: standard deviation of the same, (C,).

    Returns:
        Gain and offset per channel, (2, C).

    Raises:
        ValueError: when the shapes are not (C,) or a deviation is not positive.
    """
    channels = generator.out_channels
    if mean.shape != (channels,) or deviation.shape != (channels,) or not bool((deviation > 0).all()):
        raise ValueError(
            f"mean={mean.tolist()} and deviation={deviation.tolist()} are not possible: give one number for each of "
            f"the {channels} channels, deviations above 0."
        )
    device = next(generator.parameters()).device
    latents = seeded_latents(SAMPLES, generator.latent_size, SEED).to(device)
    made = [
        generator.unbounded(part, generator.styles(part, generator.condition.turns(part)))
        for part in latents.split(BATCH)
    ]
    images = torch.cat(made).float().transpose(0, 1).flatten(1)
    gain, offset = torch.ones_like(mean), torch.zeros_like(mean)
    for _ in range(ROUNDS):
        # What lies beyond the range is cut off, so that a gain acts on the rest alone: hence the rounds.
        shown = (images * gain[:, None] + offset[:, None]).clamp(-1, 1)
        factor = deviation / shown.std(1)
        gain, offset = gain * factor, mean + factor * (offset - shown.mean(1))
    layers = [cast(StyleBlock, block).to_image for block in generator.blocks]
    for layer in layers:
        layer.weight.mul_(gain.reshape(-1, *(1,) * (layer.weight.ndim - 1)))
        layer.bias.mul_(gain)
    layers[-1].bias.add_(offset)
    return torch.stack([gain, offset])
