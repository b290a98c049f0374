"""The unconditional variants: their losses are the papers', their samples depend on the seed alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_gan.losses import GradientPenalty
from monai_gan.networks.nets import DCGANDiscriminator, DCGANGenerator
from monai_gan.variants import DCGAN, WGAN, WGANGP, Phase, Step, Variant

SIZES = {"image_size": 12, "channels": 4, "max_channels": 8, "norm": None}
PHASE = Phase("train", None, ("discriminator", "generator"))


def networks(spatial_dims: int = 2) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(1)
    return DCGANGenerator(spatial_dims, 8, **SIZES), DCGANDiscriminator(spatial_dims, **SIZES)  # type: ignore[arg-type]


VARIANTS = [pytest.param(DCGAN, id="dcgan"), pytest.param(WGAN, id="wgan"), pytest.param(WGANGP, id="wgan_gp")]


def manual(variant: Variant, real: Tensor, step: Step) -> tuple[Tensor, Tensor, Tensor]:
    """Fake images of a fresh copy of the step, and the logits of real and fake."""
    fake = variant.generator(step.randn(len(real), 8))  # type: ignore[operator]
    return fake, variant.discriminator(real), variant.discriminator(fake)  # type: ignore[operator]


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("kind", VARIANTS)
def test_losses_are_those_of_the_paper(kind: Callable[..., Variant], spatial_dims: int) -> None:
    variant = kind(*networks(spatial_dims))
    real = torch.rand(4, 1, *[12] * spatial_dims) * 2 - 1
    fake, real_logits, fake_logits = manual(variant, real, Step(3, PHASE))
    losses = variant.discriminator_losses({"image": real}, Step(3, PHASE))
    generator = variant.generator_losses({"image": real}, Step(3, PHASE))["adversarial"]
    if kind is DCGAN:
        expected = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        expected_generator = F.softplus(-fake_logits).mean()
    else:
        expected = fake_logits.mean() - real_logits.mean()
        expected_generator = -fake_logits.mean()
    torch.testing.assert_close(losses["adversarial"], expected)
    torch.testing.assert_close(generator, expected_generator)
    if kind is WGANGP:
        step = Step(3, PHASE)
        step.randn(len(real), 8)
        epsilon = step.rand(len(real)).reshape(-1, *[1] * (spatial_dims + 1))
        mixed = (epsilon * real + (1 - epsilon) * fake).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(variant.discriminator(mixed).sum(), mixed)  # type: ignore[operator]
        penalty = 10 * (gradient.flatten(1).norm(dim=1) - 1).square().mean()
        torch.testing.assert_close(losses["gradient_penalty"], penalty)


@pytest.mark.parametrize("kind", VARIANTS)
def test_discriminator_step_leaves_the_generator_alone(kind: Callable[..., Variant]) -> None:
    variant = kind(*networks())
    losses = variant.discriminator_losses({"image": torch.rand(4, 1, 12, 12)}, Step(0, PHASE))
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is None for p in variant.generator.parameters())  # type: ignore[union-attr]
    assert all(p.grad is not None for p in variant.discriminator.parameters())  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", VARIANTS)
def test_sample_depends_on_seed_and_index_only(kind: Callable[..., Variant]) -> None:
    variant = kind(*networks()).eval()
    assert torch.equal(variant.latents(3, seed=7), variant.latents(9, seed=7)[:3])
    assert not torch.equal(variant.latents(3, seed=7), variant.latents(3, seed=8))
    images = variant.sample(variant.latents(3, seed=7))
    assert images.shape == (3, 1, 12, 12)
    assert images.abs().max() <= 1
    with pytest.raises(ValueError, match="DCGAN|WGAN.* is unconditional"):
        variant.sample(variant.latents(1, 0), torch.zeros(1))


def test_clipping_keeps_every_critic_weight_in_the_box() -> None:
    variant = WGAN(*networks(), clip=0.005)
    generator = [p.clone() for p in variant.generator.parameters()]
    variant.project("generator")
    assert max(float(p.detach().abs().max()) for p in variant.discriminator.parameters()) > 0.005
    variant.project("discriminator")
    assert max(float(p.detach().abs().max()) for p in variant.discriminator.parameters()) <= 0.005
    assert all(torch.equal(a, b) for a, b in zip(generator, variant.generator.parameters(), strict=True))
    with pytest.raises(ValueError, match=r"clip=0 must be positive"):
        WGAN(*networks(), clip=0)


def test_penalty_refuses_a_critic_with_batch_norm() -> None:
    generator, _ = networks()
    critic = DCGANDiscriminator(2, image_size=12, channels=4, max_channels=8, norm="batch")
    variant = WGANGP(generator, critic)
    with pytest.raises(ValueError, match="BatchNorm2d.*couples samples"):
        variant.discriminator_losses({"image": torch.rand(4, 1, 12, 12)}, Step(0, PHASE))


def test_parts_of_a_lazy_step_add_up() -> None:
    variant = WGANGP(*networks(), penalty=GradientPenalty(interval=4), drift=0.1)
    batch = {"image": torch.rand(4, 1, 12, 12)}
    assert variant.lazy_intervals == {"discriminator": 4}
    assert set(variant.discriminator_losses(batch, Step(0, PHASE, part="main"))) == {"adversarial", "drift"}
    assert set(variant.discriminator_losses(batch, Step(0, PHASE, part="regularizer"))) == {"gradient_penalty"}
    drift = variant.discriminator_losses(batch, Step(0, PHASE))["drift"]
    torch.testing.assert_close(drift, 0.1 * variant.discriminator(batch["image"]).square().mean())


def test_step_shares_one_global_draw_among_processes() -> None:
    whole = Step(5, PHASE, seed=2).randn(6, 3)
    shares = [Step(5, PHASE, seed=2, rank=rank, world_size=3).randn(2, 3) for rank in range(3)]
    assert torch.equal(whole, torch.cat(shares))
    for other in (Step(6, PHASE, seed=2), Step(5, PHASE, seed=3), Step(5, PHASE, seed=2, substep=1)):
        assert not torch.equal(whole, other.randn(6, 3))


def test_averaged_copy_shares_all_but_the_generator() -> None:
    variant = WGANGP(*networks())
    twin = variant.averaged_copy()
    assert twin.discriminator is variant.discriminator
    assert twin.generator is not variant.generator
    assert isinstance(twin, WGANGP)
    assert set(twin.networks) == {"discriminator", "generator"}


def test_averaged_copy_reaches_networks_inside_others() -> None:
    class Mapped(WGAN):
        averaged_names = ("generator.0", "generator.2")

    layers = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    variant = Mapped(layers, nn.Linear(2, 1))
    twin = variant.averaged_copy()
    assert variant.generator is layers
    assert [a is b for a, b in zip(layers, twin.generator, strict=True)] == [False, True, False]  # type: ignore[call-overload]
