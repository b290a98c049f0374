"""The contrast of a generator's images, brought to what is wanted."""

from __future__ import annotations

import pytest
import torch

from monai_gan.networks import match_contrast
from monai_gan.networks.nets import StyleGAN2Generator


@pytest.mark.parametrize("dims", [2, 3])
def test_new_images_have_the_wanted_mean_and_deviation(dims: int) -> None:
    torch.manual_seed(0)
    generator = StyleGAN2Generator(dims, 8, 2, 8, channels=4, max_channels=8, mapping_layers=2, vary_noise=True).eval()
    mean, deviation = torch.tensor([0.2, -0.3]), torch.tensor([0.5, 0.25])
    latents = torch.randn(512, 8)
    with torch.no_grad():
        before = generator.unbounded(latents, generator.styles(latents))
        gain, offset = match_contrast(generator, mean, deviation)
        after = generator(latents)
    axes = (0, *range(2, 2 + dims))
    torch.testing.assert_close(after.mean(axes), mean, atol=0.05, rtol=0)
    torch.testing.assert_close(after.std(axes), deviation, atol=0.05, rtol=0)
    shape = (-1, *(1,) * dims)
    torch.testing.assert_close(after, (before * gain.reshape(shape) + offset.reshape(shape)).clamp(-1, 1))


@pytest.mark.parametrize("deviation", [[0.5], [0.5, 0.0]])
def test_bad_input(deviation: list[float]) -> None:
    generator = StyleGAN2Generator(2, 8, 2, 8, channels=4, max_channels=8, mapping_layers=2)
    with pytest.raises(ValueError, match="one number for each of the 2 channels"):
        match_contrast(generator, torch.zeros(2), torch.tensor(deviation))
