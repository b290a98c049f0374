"""PGGAN: its phases, its losses, averages that grow along, and a run that goes on in the middle of a fade."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from graph_training import allow_capturable, train_both
from ignite.engine import Events
from resuming import assert_resumes
from tiny_training import tiny_trainer
from torch import Tensor

from monai_gan.engines import GANTrainer
from monai_gan.losses import GradientPenalty
from monai_gan.networks.nets import PGGANDiscriminator, PGGANGenerator
from monai_gan.variants import PGGAN, Step

NARROW = {"channels": 4, "max_channels": 8}


def tiny_pggan(dims: int = 2, size: int | tuple[int, ...] = 12, **options: Any) -> PGGAN:
    torch.manual_seed(0)
    generator = PGGANGenerator(dims, 8, 1, size, **NARROW)
    critic = PGGANDiscriminator(dims, 1, size, **NARROW)
    return PGGAN(generator, critic, **{"fade_iterations": 4, "hold_iterations": 2, **options})


def test_phases_alternate_and_the_last_is_held_to_the_end() -> None:
    phases = tiny_pggan().phases
    assert [(phase.name, phase.until) for phase in phases] == [
        ("hold 3 x 3", 2),
        ("fade in 6 x 6", 6),
        ("hold 6 x 6", 8),
        ("fade in 12 x 12", 12),
        ("hold 12 x 12", None),
    ]
    assert {phase.trains for phase in phases} == {("discriminator", "generator")}


def test_growth_follows_the_iterations() -> None:
    trainer = tiny_trainer(tiny_pggan(), max_epochs=1, epoch_length=14)
    growths: list[float] = []
    averaged: list[float] = []

    def note(engine: GANTrainer) -> None:
        growths.append(float(engine.variant.generator.growth))  # type: ignore[union-attr, arg-type]
        averaged.append(float(engine.ema.variant.generator.growth))  # type: ignore[union-attr, arg-type]

    trainer.add_event_handler(Events.ITERATION_COMPLETED, note)
    trainer.run()
    assert growths == [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1.25, 1.5, 1.75, 2, 2]
    assert averaged == growths, "samples come from what has been trained"


def test_levels_whose_types_differ_under_autocast_fade_into_each_other() -> None:
    """A level of norms ends in float32 and the image beside it in bfloat16, or the other way round."""
    variant = tiny_pggan()
    variant.discriminator.levels[0].append(_InFloat())
    trainer = tiny_trainer(variant, max_epochs=1, epoch_length=11, precision="bf16")
    trainer.run()
    assert all(p.isfinite().all() for p in variant.parameters())


class _InFloat(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.float()


def test_averages_of_a_level_begin_when_it_is_used() -> None:
    variant = tiny_pggan()
    start = variant.generator.levels[1][0].layer.weight.clone()
    trainer = tiny_trainer(variant, max_epochs=1, epoch_length=8)
    trainer.run()
    average = trainer.ema.variant.generator.levels[1][0].layer.weight  # type: ignore[union-attr, index]
    assert torch.equal(variant.generator.levels[1][0].layer.weight, start)
    torch.testing.assert_close(average, start)
    images = trainer.sample(variant.latents(3, seed=1))
    assert images.shape == (3, 1, 12, 12)
    torch.testing.assert_close(images, F.interpolate(images[..., ::2, ::2], scale_factor=2.0))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(("index", "fraction", "growth"), [(2, 0.0, 1.0), (3, 0.25, 1.25)], ids=["hold", "fade"])
def test_losses_are_those_of_the_paper(dims: int, index: int, fraction: float, growth: float) -> None:
    variant = tiny_pggan(dims)
    real = torch.rand(4, 1, *[12] * dims) * 2 - 1

    def step() -> Step:
        return Step(9, variant.phases[index], fraction)

    losses = variant.discriminator_losses({"image": real}, step())
    twin = step()
    fake = variant.generator.generate(twin.randn(4, 8), growth).detach()
    epsilon = twin.rand(4).reshape(-1, *[1] * (dims + 1))
    shown = variant.discriminator.shrink(real, growth)
    real_logits, fake_logits = (variant.discriminator.judge(images, growth) for images in (shown, fake))
    torch.testing.assert_close(losses["adversarial"], fake_logits.mean() - real_logits.mean())
    torch.testing.assert_close(losses["drift"], 0.001 * real_logits.square().mean())
    mixed = (epsilon * shown + (1 - epsilon) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(variant.discriminator.judge(mixed, growth).sum(), mixed)
    torch.testing.assert_close(losses["gradient_penalty"], 10 * (gradient.flatten(1).norm(dim=1) - 1).square().mean())
    generator_loss = variant.generator_losses({"image": real}, step())["adversarial"]
    torch.testing.assert_close(generator_loss, -fake_logits.mean())


@pytest.mark.parametrize("stop", [4, 7, 11], ids=["first fade", "hold", "second fade"])
def test_run_resumed_in_the_middle_of_a_fade_equals_an_uninterrupted_one(stop: int) -> None:
    assert_resumes(lambda: tiny_trainer(tiny_pggan(), epoch_length=7, max_epochs=2, ema_decay=0.9), stop)


def test_it_resumes_in_a_fade_in_three_dimensions() -> None:
    arguments: dict[str, Any] = {"epoch_length": 5, "max_epochs": 1, "prepare_batch": _volumes}
    assert_resumes(lambda: tiny_trainer(tiny_pggan(3, fade_iterations=3, hold_iterations=1), 4, **arguments), 3)


def _volumes(batch: dict[str, Tensor], *_: Any, **__: Any) -> dict[str, Tensor]:
    image = batch["image"]
    return {"image": image[..., None].expand(*image.shape, 12).contiguous()}


def test_step_graphs_serve_where_nothing_fades(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_capturable(monkeypatch)
    trainer = train_both(lambda: tiny_pggan(fade_iterations=2, hold_iterations=6))
    recorder = trainer.step_graphs._recorder  # type: ignore[union-attr]
    assert recorder.captures >= 3, "each hold has its graphs"


def test_lazy_penalty_keeps_its_parts_apart() -> None:
    variant = tiny_pggan(penalty=GradientPenalty(interval=4))
    batch, phase = {"image": torch.rand(4, 1, 12, 12)}, variant.phases[-1]
    assert variant.lazy_intervals == {"discriminator": 4}
    assert set(variant.discriminator_losses(batch, Step(0, phase, part="main"))) == {"adversarial", "drift"}
    assert set(variant.discriminator_losses(batch, Step(0, phase, part="regularizer"))) == {"gradient_penalty"}
    assert variant.generator_losses(batch, Step(0, phase, part="regularizer")) == {}


def test_samples_depend_on_the_seed_and_the_index_only() -> None:
    variant = tiny_pggan().eval()
    assert torch.equal(variant.latents(3, seed=7), variant.latents(9, seed=7)[:3])
    images = variant.sample(variant.latents(3, seed=7))
    torch.testing.assert_close(images[:1], variant.sample(variant.latents(1, seed=7)))
    with pytest.raises(ValueError, match="PGGAN is unconditional"):
        variant.sample(variant.latents(1, 0), torch.zeros(1))


def test_bad_input_is_refused() -> None:
    for name in ("fade_iterations", "hold_iterations"):
        with pytest.raises(ValueError, match=f"{name}=0 is not possible"):
            tiny_pggan(**{name: 0})
    generator, critic = PGGANGenerator(2, 8, 1, 12, **NARROW), PGGANDiscriminator(2, 1, 24, **NARROW)
    with pytest.raises(ValueError, match=r"image_size=\(24, 24\) of the discriminator is not the gen"):
        PGGAN(generator, critic)
    variant = tiny_pggan()
    with pytest.raises(ValueError, match="batch of 1 has no minibatch standard deviation"):
        variant.discriminator_losses({"image": torch.zeros(1, 1, 12, 12)}, Step(0, variant.phases[0]))
