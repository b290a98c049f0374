"""f-AnoGAN and GANomaly: losses and phases are the papers', and training leaves at rest what shall rest."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_gan.data import ImageDataset, ImageTable, StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.networks.nets import (
    DCGANDiscriminator,
    DCGANEncoder,
    DCGANGenerator,
    GANomalyNetwork,
    ReconstructionNetwork,
)
from monai_gan.variants import DenoisingAutoEncoder, FAnoGAN, GANomaly, Phase, Step, Variant, coarse_noise

SIZES: dict[str, Any] = {"image_size": 12, "channels": 4, "max_channels": 8}


def fanogan(spatial_dims: int = 2, **options: Any) -> FAnoGAN:
    torch.manual_seed(0)
    return FAnoGAN(
        DCGANGenerator(spatial_dims, 6, **SIZES),
        DCGANDiscriminator(spatial_dims, norm="layer", **SIZES),
        DCGANEncoder(spatial_dims, 6, norm="layer", **SIZES),
        **{"gan_iterations": 2, **options},
    )


def ganomaly(spatial_dims: int = 2, **options: Any) -> GANomaly:
    torch.manual_seed(0)
    encoder, second = (DCGANEncoder(spatial_dims, 6, norm="layer", **SIZES) for _ in range(2))
    network = GANomalyNetwork(encoder, DCGANGenerator(spatial_dims, 6, norm="layer", **SIZES), second)
    return GANomaly(network, DCGANDiscriminator(spatial_dims, norm="layer", **SIZES), **options)


def images(spatial_dims: int, n: int = 4) -> Tensor:
    return torch.rand(n, 1, *[12] * spatial_dims, generator=torch.Generator().manual_seed(1)) * 2 - 1


def trainer(variant: Variant, iterations: int) -> GANTrainer:
    table = ImageTable("random", (127.5 * (images(2, 16) + 1)).byte().numpy(), splits=torch.zeros(16).numpy())
    optimizers = {name: torch.optim.Adam(network.parameters(), 1e-3) for name, network in variant.networks.items()}
    loader = StreamLoader(ImageDataset(table), 4)
    return GANTrainer("cpu", iterations, loader, variant, optimizers, epoch_length=1, ema_decay=0.5)


def weights(module: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def moved(before: list[Tensor], module: nn.Module) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_encoder_learns_by_the_izi_f_objective(spatial_dims: int) -> None:
    variant, image = fanogan(spatial_dims, kappa=0.3), images(spatial_dims)
    losses = variant.generator_losses({"image": image}, Step(2, variant.phases[1]))
    again = variant.generator(variant.encoder(image))
    assert not variant.generator.training
    features = variant.discriminator.features(image) - variant.discriminator.features(again)  # type: ignore[operator]
    torch.testing.assert_close(losses["residual"], (image - again).square().mean())
    torch.testing.assert_close(losses["feature_residual"], 0.3 * features.square().mean())


def test_phases_train_the_gan_then_the_encoder_then_both() -> None:
    assert [phase.trains for phase in fanogan().phases] == [("discriminator", "generator"), ("encoder",)]
    variant = fanogan(encoder_iterations=2)
    assert [phase.until for phase in variant.phases] == [2, 4, None]
    run = trainer(variant, 2)
    before = {name: weights(network) for name, network in variant.networks.items()}
    run.run()
    changed = {name: moved(before[name], network) for name, network in variant.networks.items()}
    assert changed == {"discriminator": True, "generator": True, "encoder": False}
    for epochs, expected in ((4, {"encoder"}), (6, {"encoder", "generator"})):
        before = {name: weights(network) for name, network in variant.networks.items()}
        statistics = [buffer.clone() for buffer in variant.generator.buffers()]
        run.state.max_epochs = epochs
        run.run()
        assert {name for name, network in variant.networks.items() if moved(before[name], network)} == expected
        assert all(torch.equal(a, b) for a, b in zip(statistics, variant.generator.buffers(), strict=True))


def test_inference_network_is_of_the_averaged_networks_and_scores() -> None:
    variant = fanogan(encoder_iterations=1)
    run = trainer(variant, 4)
    run.run()
    network = run.ema.variant.inference_network
    assert {name.split(".")[0] for name in network.state_dict()} == {"generator", "encoder", "critic"}
    assert not torch.equal(network.encoder.to_logit[1].weight, variant.encoder.to_logit[1].weight)  # type: ignore[index, union-attr]
    assert network.detect(images(2)).score.shape == (4,)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_ganomaly_has_the_three_losses_of_the_paper(spatial_dims: int) -> None:
    variant, image = ganomaly(spatial_dims), images(spatial_dims)
    phase = variant.phases[0]
    latent, again, latent_again = variant.generator.passes(image)
    features = [variant.discriminator.features(x) for x in (image, again)]  # type: ignore[operator]
    losses = variant.generator_losses({"image": image}, Step(0, phase))
    torch.testing.assert_close(losses["adversarial"], F.mse_loss(features[1], features[0]))
    torch.testing.assert_close(losses["contextual"], 50 * F.l1_loss(again, image))
    torch.testing.assert_close(losses["encoder"], F.mse_loss(latent_again, latent))
    judged = variant.discriminator_losses({"image": image}, Step(0, phase))["adversarial"]
    real, fake = variant.discriminator(image), variant.discriminator(again)
    torch.testing.assert_close(judged, F.softplus(-real).mean() + F.softplus(fake).mean())
    torch.testing.assert_close(variant.sample(image), again)
    with pytest.raises(TypeError, match="has no latents"):
        variant.latents(1, 0)


def test_ganomaly_trains() -> None:
    variant = ganomaly(noise=0.2)
    run = trainer(variant, 2)
    before = weights(variant.generator)
    run.run()
    assert moved(before, variant.generator)
    assert run.ema.variant.inference_network.detect(images(2)).score.isfinite().all()


def test_noise_is_seen_by_the_encoder_and_not_asked_back() -> None:
    image, step = images(2), Step(3, Phase("encoder", None, ("encoder",)), seed=5)
    noisy = coarse_noise(image, 0.4, step)
    assert torch.equal(noisy, coarse_noise(image, 0.4, Step(3, step.phase, seed=5)))
    assert noisy.min() >= -1
    assert noisy.max() <= 1
    variant = fanogan(noise=0.4)
    losses = variant.generator_losses({"image": image}, Step(3, variant.phases[1], seed=5))
    torch.testing.assert_close(losses["residual"], F.mse_loss(variant.generator(variant.encoder(noisy)), image))


def test_coarse_noise_is_smooth_and_of_the_size_asked_for() -> None:
    step = Step(0, Phase("train", None, ()))
    noise = coarse_noise(torch.zeros(64, 1, 32, 32), 0.2, step, cell=8)
    neighbours = (noise[..., 1:] - noise[..., :-1]).std()
    assert 0.08 < noise.std() < 0.2
    assert neighbours < 0.3 * noise.std()
    assert coarse_noise(torch.zeros(2, 1, 6, 7, 8), 0.2, step).shape == (2, 1, 6, 7, 8)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (fanogan, {"gan_iterations": 0}, "gan_iterations=0 is not possible: give 1 or more"),
        (fanogan, {"encoder_iterations": 0}, "encoder_iterations=0 is not possible"),
        (fanogan, {"noise": -0.1}, "noise=-0.1 is not possible"),
        (ganomaly, {"noise": -0.1}, "noise=-0.1 is not possible"),
    ],
)
def test_bad_arguments_are_refused(make: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_denoising_autoencoder_learns_to_take_noise_away(spatial_dims: int) -> None:
    network = nn.Conv2d(1, 1, 3, padding=1) if spatial_dims == 2 else nn.Conv3d(1, 1, 3, padding=1)
    variant, image = DenoisingAutoEncoder(ReconstructionNetwork(network), noise=0.4), images(spatial_dims)
    step = Step(1, variant.phases[0])
    losses = variant.generator_losses({"image": image}, step)
    noisy = coarse_noise(image, 0.4, Step(1, variant.phases[0]))
    torch.testing.assert_close(losses, {"residual": F.mse_loss(network(noisy), image)})
    assert set(variant.networks) == {"generator"}
    torch.testing.assert_close(variant.sample(image), network(image))
    with pytest.raises(ValueError, match="noise=0 teaches a copy"):
        DenoisingAutoEncoder(ReconstructionNetwork(network), noise=0)


def test_a_variant_without_a_discriminator_trains() -> None:
    variant = DenoisingAutoEncoder(ReconstructionNetwork(nn.Conv2d(1, 1, 3, padding=1)))
    run = trainer(variant, 2)
    before = weights(variant.generator)
    run.run()
    assert moved(before, variant.generator)
    assert set(run.state.output[0]) == {"generator/residual", "g_loss"}
