"""pix2pix, CycleGAN and SRGAN: their losses are the papers', in 2-D, with slices as channels, and in 3-D."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from monai.networks.nets.patchgan_discriminator import PatchDiscriminator
from torch import Tensor, nn

from monai_gan.errors import InputError
from monai_gan.networks.nets import ResNetGenerator, SRResNet
from monai_gan.variants import SRGAN, CycleGAN, HistogramStart, ImagePool, Phase, Pix2Pix, Step, Variant

DIMENSIONS = [pytest.param(2, 1, id="2d"), pytest.param(2, 3, id="2.5d"), pytest.param(3, 1, id="3d")]


def generator(spatial_dims: int, in_channels: int = 1, out_channels: int = 1) -> nn.Module:
    return ResNetGenerator(spatial_dims, in_channels, out_channels, channels=2, num_halvings=1, num_blocks=1)


def discriminator(spatial_dims: int, in_channels: int) -> nn.Module:
    return PatchDiscriminator(spatial_dims, 2, in_channels, num_layers_d=1, norm="instance")


def pix2pix(spatial_dims: int = 2, in_channels: int = 1, **options: object) -> Pix2Pix:
    torch.manual_seed(0)
    return Pix2Pix(generator(spatial_dims, in_channels), discriminator(spatial_dims, in_channels + 1), **options)  # type: ignore[arg-type]


def cyclegan(spatial_dims: int = 2, in_channels: int = 1, **options: object) -> CycleGAN:
    torch.manual_seed(0)
    return CycleGAN(
        *(generator(spatial_dims, in_channels, in_channels) for _ in range(2)),
        *(discriminator(spatial_dims, in_channels) for _ in range(2)),
        **options,  # type: ignore[arg-type]
    )


def srgan(spatial_dims: int = 2, in_channels: int = 1, **options: object) -> SRGAN:
    torch.manual_seed(0)
    network = SRResNet(spatial_dims, in_channels, in_channels, channels=2, num_blocks=1)
    return SRGAN(network, discriminator(spatial_dims, in_channels), **options)  # type: ignore[arg-type]


def batch(spatial_dims: int = 2, in_channels: int = 1, out_channels: int = 1, scale: int = 1) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    return {
        "image": torch.rand(2, in_channels, *[12] * spatial_dims, generator=draw) * 2 - 1,
        "target": torch.rand(2, out_channels, *[12 * scale] * spatial_dims, generator=draw) * 2 - 1,
    }


def step(variant: Variant, phase: int = -1) -> Step:
    return Step(0, variant.phases[phase])


@pytest.mark.parametrize(("spatial_dims", "in_channels"), DIMENSIONS)
def test_pix2pix_losses(spatial_dims: int, in_channels: int) -> None:
    variant, images = pix2pix(spatial_dims, in_channels, feature_matching_weight=2.0), batch(spatial_dims, in_channels)
    source, target = images["image"], images["target"]
    fake = variant.generator(source)
    real_maps = variant.discriminator(torch.cat([source, target], 1))
    fake_maps = variant.discriminator(torch.cat([source, fake], 1))
    losses = variant.discriminator_losses(images, step(variant))
    expected = F.softplus(-real_maps[-1]).mean() + F.softplus(fake_maps[-1]).mean()
    torch.testing.assert_close(losses["adversarial"], 0.5 * expected)
    losses = variant.generator_losses(images, step(variant))
    torch.testing.assert_close(losses["adversarial"], F.softplus(-fake_maps[-1]).mean())
    torch.testing.assert_close(losses["l1"], 100 * (fake - target).abs().mean())
    matched = torch.stack([(a - b).abs().mean() for a, b in zip(fake_maps[:-1], real_maps[:-1], strict=True)]).mean()
    torch.testing.assert_close(losses["feature_matching"], 2 * matched)
    assert variant.sample(source).shape == target.shape


def test_pix2pix_twin_has_its_reconstruction_alone() -> None:
    variant = pix2pix(adversarial_weight=0.0, reconstruction={"l2": nn.MSELoss()}, weights={"l2": 3.0})
    assert set(variant.generator_losses(batch(), step(variant))) == {"l2"}


@pytest.mark.parametrize(("spatial_dims", "in_channels"), DIMENSIONS)
def test_cyclegan_losses(spatial_dims: int, in_channels: int) -> None:
    variant, images = cyclegan(spatial_dims, in_channels), batch(spatial_dims, in_channels, in_channels)
    a, b = images["image"], images["target"]
    fake_b, fake_a = variant.generator(a), variant.inverse_generator(b)
    losses = variant.generator_losses(images, step(variant))
    expected = {
        "adversarial": 0.5 * (variant.discriminator(fake_b)[-1] - 1).square().mean(),
        "inverse_adversarial": 0.5 * (variant.inverse_discriminator(fake_a)[-1] - 1).square().mean(),
        "cycle": 10 * (variant.inverse_generator(fake_b) - a).abs().mean(),
        "inverse_cycle": 10 * (variant.generator(fake_a) - b).abs().mean(),
        "identity": 5 * (variant.generator(b) - b).abs().mean(),
        "inverse_identity": 5 * (variant.inverse_generator(a) - a).abs().mean(),
    }
    torch.testing.assert_close(losses, expected)
    judged = variant.discriminator_losses(images, step(variant))
    real, fake = variant.discriminator(b)[-1], variant.discriminator(fake_b)[-1]
    torch.testing.assert_close(judged["adversarial"], 0.25 * (real - 1).square().mean() + 0.25 * fake.square().mean())
    assert set(variant.networks) == {"generator", "inverse_generator", "discriminator", "inverse_discriminator"}


@pytest.mark.parametrize(("spatial_dims", "in_channels"), DIMENSIONS)
@pytest.mark.parametrize("objective", ["non_saturating", "relativistic_average"])
def test_srgan_starts_with_pixels_alone(objective: str, spatial_dims: int, in_channels: int) -> None:
    variant = srgan(spatial_dims, in_channels, objective=objective, pretraining_iterations=4, adversarial_weight=0.5)
    images = batch(spatial_dims, in_channels, in_channels, scale=2)
    fake, target = variant.generator(images["image"]), images["target"]
    start = variant.generator_losses(images, step(variant, 0))
    torch.testing.assert_close(start, {"pixel": (fake - target).square().mean()})
    assert variant.phases[0].trains == ("generator",)
    assert variant.phases[0].until == 4
    losses = variant.generator_losses(images, step(variant))
    real_logits, fake_logits = variant.discriminator(target)[-1], variant.discriminator(fake)[-1]
    adversarial = variant.objective.generator(fake_logits, real_logits)
    torch.testing.assert_close(losses, {"l1": (fake - target).abs().mean(), "adversarial": 0.5 * adversarial})


KINDS: list[tuple[Callable[..., Variant], int]] = [(pix2pix, 1), (cyclegan, 1), (srgan, 2)]


@pytest.mark.parametrize(("kind", "scale"), KINDS)
def test_discriminators_leave_the_generators_alone(kind: Callable[..., Variant], scale: int) -> None:
    variant = kind()
    losses = variant.discriminator_losses(batch(scale=scale), step(variant))
    torch.stack(list(losses.values())).sum().backward()
    for name in variant.generator_names:
        assert all(p.grad is None for p in variant.get_submodule(name).parameters())
    for name in variant.discriminator_names:
        assert all(p.grad is not None for p in variant.get_submodule(name).parameters())


@pytest.mark.parametrize(("kind", "scale"), KINDS)
def test_bad_input_is_named(kind: Callable[..., Variant], scale: int) -> None:
    variant = kind()
    with pytest.raises(InputError, match=r"has no 'target', only \['image'\]"):
        variant.generator_losses({"image": batch()["image"]}, step(variant))
    with pytest.raises(TypeError, match="translates images and has no latents"):
        variant.latents(1, 0)
    wrong = "label must hold 0" if kind is cyclegan else "has no classes"
    with pytest.raises(ValueError, match=wrong):
        variant.sample(batch()["image"], torch.full((2,), 2))
    assert variant.generator_losses(batch(scale=scale), Step(0, variant.phases[-1], part="regularizer")) == {}


@pytest.mark.parametrize("make", [srgan, cyclegan])
def test_negative_pretraining_is_named(make: Callable[..., Variant]) -> None:
    with pytest.raises(ValueError, match="pretraining_iterations=-1"):
        make(pretraining_iterations=-1)


@pytest.mark.parametrize("options", [{"start": HistogramStart()}, {"pretraining_iterations": 3}])
def test_a_start_and_its_length_go_together(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="go together"):
        cyclegan(**options)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_cyclegan_starts_from_a_guess_made_without_pairs(spatial_dims: int) -> None:
    start = HistogramStart()
    variant, data = cyclegan(spatial_dims, start=start, pretraining_iterations=5), batch(spatial_dims)
    image, target = data["image"], data["target"]
    assert [(phase.name, phase.until, len(phase.trains)) for phase in variant.phases] == [
        ("pretraining", 5, 2),
        ("adversarial", None, 4),
    ]
    losses = variant.generator_losses(data, step(variant, 0))
    expected = {
        "start": F.l1_loss(variant.generator(image), start(image, target)),
        "inverse_start": F.l1_loss(variant.inverse_generator(target), start(target, image)),
    }
    assert losses.keys() == expected.keys()
    for name, loss in losses.items():
        torch.testing.assert_close(loss, expected[name])
    assert set(variant.generator_losses(data, step(variant))) >= {"adversarial", "cycle"}


def test_cyclegan_is_held_to_its_guess_by_a_weight() -> None:
    start = HistogramStart()
    options: dict[str, Any] = {"start": start, "start_weight": 3.0, "pretraining_iterations": 5}
    variant, data = cyclegan(2, **options), batch(2)
    guess = F.l1_loss(variant.generator(data["image"]), start(data["image"], data["target"]))
    losses = variant.generator_losses(data, step(variant))
    torch.testing.assert_close(losses["start"], 3 * guess)
    assert losses.keys() >= {"adversarial", "cycle", "inverse_start"}
    torch.testing.assert_close(variant.generator_losses(data, step(variant, 0))["start"], guess)


@pytest.mark.parametrize("options", [{"start_weight": 1.0}, {"start": HistogramStart(), "start_weight": -1.0}])
def test_cyclegan_refuses_a_weight_without_guess_or_below_zero(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="start_weight=.* is not possible"):
        cyclegan(2, **{"pretraining_iterations": 3 if "start" in options else 0, **options})


@pytest.mark.parametrize("inverted", [True, False])
def test_histogram_start_finds_a_monotone_change_of_contrast(inverted: bool) -> None:
    draw = torch.Generator().manual_seed(0)
    image = torch.rand(4, 1, 24, 24, generator=draw) * 1.8 - 0.85
    image[..., :6] = -1
    curve = (lambda x: 0.5 * torch.exp(-x) - 0.3) if inverted else (lambda x: 0.9 * torch.tanh(2 * x))
    shown = image > -0.9
    wanted = torch.where(shown, curve(image), image)
    other = wanted.flatten()[torch.randperm(wanted.numel(), generator=draw)].view_as(wanted)
    found = HistogramStart(inverted)(image, other)
    assert torch.equal(found[~shown], image[~shown]), "the background stays"
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.03)


def test_histogram_start_leaves_images_without_foreground() -> None:
    empty, full = torch.full((1, 1, 4, 4), -1.0), torch.rand(1, 1, 4, 4)
    assert torch.equal(HistogramStart()(empty, full), empty)
    assert torch.equal(HistogramStart()(full, empty), full)
    with pytest.raises(ValueError, match="quantiles=1"):
        HistogramStart(quantiles=1)


def test_pool_shows_old_images_half_of_the_time_and_repeats() -> None:
    phase = Phase("train", None, ())
    pool, shown = ImagePool(8), []
    for i in range(300):
        shown.append(pool(torch.full((2, 1, 2, 2), float(i)), Step(i, phase)))
    assert torch.equal(shown[2], torch.full((2, 1, 2, 2), 2.0))  # not full yet
    old = sum(float(s[k, 0, 0, 0]) != i for i, s in enumerate(shown) if i >= 4 for k in range(2)) / (2 * 296)
    assert old == pytest.approx(0.5, abs=0.08)
    file = io.BytesIO()
    torch.save(pool.state_dict(), file)
    file.seek(0)
    twin = ImagePool(8)
    twin.load_state_dict(torch.load(file, weights_only=True))
    newest = torch.full((2, 1, 2, 2), -1.0)
    for i in range(300, 320):
        assert torch.equal(pool(newest, Step(i, phase)), twin(newest, Step(i, phase)))


def test_pool_of_no_images_shows_the_newest() -> None:
    images = torch.randn(3, 1, 2, 2)
    assert ImagePool(0)(images, Step(0, Phase("train", None, ()))) is images
    with pytest.raises(ValueError, match="size=-1"):
        ImagePool(-1)


def test_networks_inside_losses_stay_out_of_checkpoints() -> None:
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(1, 2, 3)

        def forward(self, image: Tensor, target: Tensor) -> Tensor:
            return (self.layer(image) - self.layer(target)).abs().mean()

    plain, with_network = pix2pix(), pix2pix(reconstruction={"frozen": Frozen()}, weights={"frozen": 1.0})
    assert set(plain.state_dict()) == set(with_network.state_dict())
    assert "frozen" in with_network.generator_losses(batch(), step(with_network))


def test_a_cyclegan_ships_both_directions() -> None:
    variant = cyclegan().eval()
    image = batch()["image"]
    network = variant.inference_network
    assert set(network.state_dict()) == {
        f"{name}.{key}" for name in variant.generator_names for key in variant.get_submodule(name).state_dict()
    }
    with torch.no_grad():
        assert torch.equal(variant.sample(image), variant.generator(image))
        assert torch.equal(variant.sample(image, torch.ones(2)), variant.inverse_generator(image))
