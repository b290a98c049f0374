"""The latent search finds images that the generator makes, image by image."""

from __future__ import annotations

import pytest
import torch

from monai_gan.networks.nets import AnoGANNetwork, DCGANDiscriminator, DCGANGenerator


def anogan(spatial_dims: int = 2, **options: int | float) -> AnoGANNetwork:
    torch.manual_seed(0)
    generator = DCGANGenerator(spatial_dims, 4, image_size=12, channels=4, max_channels=8, norm=None)
    for parameter in generator.parameters():
        parameter.data.mul_(20)  # from nearly black to images with contrast
    critic = DCGANDiscriminator(spatial_dims, image_size=12, channels=4, max_channels=8, norm="layer")
    return AnoGANNetwork(generator, critic, **{"steps": 60, "rate": 0.1, **options}).eval()  # type: ignore[arg-type]


def test_images_of_the_generator_are_found_and_others_are_not() -> None:
    network = anogan(steps=80)
    with torch.no_grad():
        own = network.generator(torch.randn(3, 4, generator=torch.Generator().manual_seed(1)))
    noise = torch.rand(own.shape, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.inference_mode():
        found, strange = network.detect(own), network.detect(noise)
    assert found.score.max() < 0.3 * strange.score.min()
    torch.testing.assert_close(found.map, (own - found.reconstruction).abs())


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_a_search_does_not_depend_on_the_other_images_and_repeats(spatial_dims: int) -> None:
    network = anogan(spatial_dims, steps=5)
    images = torch.rand(3, 1, *[12] * spatial_dims, generator=torch.Generator().manual_seed(3)) * 2 - 1
    together = network.detect(images).score
    alone = torch.cat([network.detect(image[None]).score for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-5)
    assert torch.equal(together, network.detect(images).score)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="steps=0 is not possible"):
        anogan(steps=0)
