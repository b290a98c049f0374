"""The detectors' inference networks: what they say follows the papers, image by image."""

from __future__ import annotations

import io

import pytest
import torch
from torch import Tensor, nn

from monai_gan.networks.nets import (
    BEGANDiscriminator,
    BEGANNetwork,
    DCGANDiscriminator,
    DCGANEncoder,
    DCGANGenerator,
    DetectionNetwork,
    FAnoGANNetwork,
    GANomalyNetwork,
    WGANGenerator,
)

SMALL = {"channels": 4, "max_channels": 8}


def fanogan(spatial_dims: int = 2, **options: object) -> FAnoGANNetwork:
    torch.manual_seed(0)
    return FAnoGANNetwork(
        WGANGenerator(spatial_dims, 6, image_size=12, **SMALL),  # type: ignore[arg-type]
        DCGANEncoder(spatial_dims, 6, image_size=12, norm="layer", **SMALL),  # type: ignore[arg-type]
        DCGANDiscriminator(spatial_dims, image_size=12, norm="layer", **SMALL),  # type: ignore[arg-type]
        **options,  # type: ignore[arg-type]
    ).eval()


def ganomaly(spatial_dims: int = 2, **options: object) -> GANomalyNetwork:
    torch.manual_seed(0)
    encoders = (DCGANEncoder(spatial_dims, 6, image_size=12, **SMALL) for _ in range(2))  # type: ignore[arg-type]
    first, second = encoders
    decoder = DCGANGenerator(spatial_dims, 6, image_size=12, **SMALL)  # type: ignore[arg-type]
    return GANomalyNetwork(first, decoder, second, **options).eval()  # type: ignore[arg-type]


def began(spatial_dims: int = 2, exponent: int = 1) -> BEGANNetwork:
    torch.manual_seed(0)
    discriminator = BEGANDiscriminator(spatial_dims, image_size=12, channels=4, hidden_size=6, exponent=exponent)
    return BEGANNetwork(discriminator).eval()


def images(n: int, spatial_dims: int) -> Tensor:
    return torch.rand(n, 1, *[12] * spatial_dims, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_fanogan_scores_pixels_and_features(spatial_dims: int) -> None:
    network, image = fanogan(spatial_dims, kappa=0.5), images(3, spatial_dims)
    found = network.detect(image)
    again = network.generator(network.encoder(image))
    difference = network.critic.features(image) - network.critic.features(again)  # type: ignore[operator]
    expected = (image - again).square().flatten(1).mean(1) + 0.5 * difference.square().flatten(1).mean(1)
    torch.testing.assert_close(found.score, expected)
    torch.testing.assert_close(found.reconstruction, again)
    torch.testing.assert_close(found.map, (image - again).abs())
    torch.testing.assert_close(network(image), found.map)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_ganomaly_scores_the_latents(spatial_dims: int) -> None:
    network, image = ganomaly(spatial_dims), images(3, spatial_dims)
    found = network.detect(image)
    latent = network.encoder(image)
    again = network.second_encoder(network.decoder(latent))
    torch.testing.assert_close(found.score, (latent - again).abs().mean(1))
    assert found.map.shape == image.shape


@pytest.mark.parametrize("exponent", [1, 2])
@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_began_scores_by_the_error_of_its_discriminator(spatial_dims: int, exponent: int) -> None:
    network, image = began(spatial_dims, exponent), images(3, spatial_dims)
    found = network.detect(image)
    torch.testing.assert_close(found.score, -network.discriminator(image)[:, 0])
    torch.testing.assert_close(found.reconstruction, network.discriminator.reconstruct(image))
    torch.testing.assert_close(found.map, (image - found.reconstruction).abs())


@pytest.mark.parametrize("network", [fanogan(), ganomaly(), began()], ids=["fanogan", "ganomaly", "began"])
def test_a_score_does_not_depend_on_the_other_images_of_its_batch(network: DetectionNetwork) -> None:
    image = images(5, 2)
    alone = torch.cat([network.detect(image[i : i + 1]).score for i in range(5)])
    torch.testing.assert_close(network.detect(image).score, alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "network", [fanogan(edge_floor=0.1, smoothing=1), ganomaly(), began()], ids=["fanogan", "ganomaly", "began"]
)
def test_networks_can_be_scripted_and_have_no_state_beyond_their_parts(network: DetectionNetwork) -> None:
    image = images(2, 2)
    scripted = torch.jit.script(network)
    buffer = io.BytesIO()
    torch.jit.save(scripted, buffer)
    buffer.seek(0)
    torch.testing.assert_close(torch.jit.load(buffer)(image), network(image))
    assert not any(name.startswith("residual") for name in network.state_dict())


def test_images_and_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit image_size"):
        fanogan()(torch.zeros(1, 1, 14, 14))
    with pytest.raises(ValueError, match="2 channels does not fit in_channels=1"):
        fanogan()(torch.zeros(1, 2, 12, 12))
    with pytest.raises(ValueError, match="label was given"):
        fanogan()(torch.zeros(1, 1, 12, 12), torch.zeros(1))


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("generator", [DCGANGenerator, WGANGenerator])
def test_latents_can_be_maps_of_the_base_grid(generator: type[nn.Module], spatial_dims: int) -> None:
    size = 5 * 3**spatial_dims
    network = generator(spatial_dims, size, image_size=12, projection="grid", **SMALL)
    encoder = DCGANEncoder(spatial_dims, size, image_size=12, projection="grid", norm=None, **SMALL)  # type: ignore[arg-type]
    image = images(2, spatial_dims)
    latent = encoder(image)
    assert latent.shape == (2, size)
    assert network(latent).shape == image.shape
    # A change at one corner reaches the latent of that corner, not that of the opposite one.
    changed = image.clone()
    changed[(..., *[0] * spatial_dims)] += 0.5
    moved = (encoder(changed) - latent).reshape(2, 5, -1).abs().amax(1)
    assert moved[:, 0].min() > 0
    assert moved[:, -1].max() == 0


def test_projections_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"latent_size=10 is no whole number of maps .* give a multiple of 9"):
        WGANGenerator(2, 10, image_size=12, projection="grid")
    with pytest.raises(ValueError, match="projection='conv' is unknown; choose one of linear, grid"):
        DCGANEncoder(2, 9, image_size=12, projection="conv")
    with pytest.raises(ValueError, match="latent_size=0 is not possible"):
        DCGANEncoder(2, 0, image_size=12)
