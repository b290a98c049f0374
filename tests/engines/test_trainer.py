"""The trainer: what it steps, on which data, and that it goes on exactly where it stopped."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Events
from monai.handlers import CheckpointLoader, CheckpointSaver, LrScheduleHandler, StatsHandler
from resuming import equal, saved, stop_after
from tiny_training import Images, tiny_trainer, tiny_variant
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn.utils import parameters_to_vector

from monai_gan.data import StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.errors import InputError, NonFiniteLossError
from monai_gan.variants import WGAN, Batch, LatentGAN, Phase, Step


@pytest.mark.parametrize(
    ("kind", "interval", "arguments"),
    [
        pytest.param("dcgan", 1, {}, id="batch-norm"),
        pytest.param("wgan_gp", 1, {"n_critic": 2}, id="critic-steps"),
        pytest.param("dropout", 1, {}, id="global-random-numbers"),
        pytest.param(
            "wgan_gp", 2, {"n_critic": 2, "accumulation_steps": 2, "clip_norm": 1.0}, id="lazy-accumulated-clipped"
        ),
        pytest.param("wgan_gp", 1, {"precision": "bf16", "channels_last": True}, id="bf16-channels-last"),
        pytest.param("wgan_gp", 1, {"precision": "fp16"}, id="fp16-loss-scale"),
    ],
)
@pytest.mark.parametrize("stop", [2, 5], ids=["mid-epoch", "second-epoch"])
def test_resumed_training_equals_uninterrupted(
    kind: str,
    interval: int,
    arguments: dict[str, Any],
    stop: int,
) -> None:
    arguments = {"epoch_length": 3, "max_epochs": 3, "ema_decay": 0.9, **arguments}
    whole = tiny_trainer(tiny_variant(kind, interval), **arguments)
    whole.run()

    first = tiny_trainer(tiny_variant(kind, interval), **arguments)
    stop_after(first, stop)
    first.run()
    assert first.state.iteration == stop
    state = saved(first)

    torch.manual_seed(99)
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002
    second = tiny_trainer(tiny_variant(kind, interval), **arguments)
    for parameter in second.variant.parameters():
        nn.init.normal_(parameter)
    second.load_state_dict(state)
    second.run()

    expected, found = whole.state_dict(), second.state_dict()
    assert found["iteration"] == 9
    for part in expected.keys() - {"seconds"}:
        assert equal(expected[part], found[part]), part


def test_stopped_trainer_runs_on_to_the_same_end() -> None:
    whole, stopped = (tiny_trainer(tiny_variant("wgan_gp"), epoch_length=4, max_epochs=2) for _ in range(2))
    whole.run()
    stop_after(stopped, 2)
    stopped.run()
    stopped.run()
    assert (stopped.state.epoch, stopped.state.iteration) == (2, 8)
    assert equal(whole.variant.state_dict(), stopped.variant.state_dict())


def test_each_discriminator_step_sees_fresh_batches() -> None:
    variant = tiny_variant("wgan_gp")
    seen: list[Tensor] = []
    original = variant.discriminator_losses

    def spy(batch: Batch, step: Step) -> dict[str, Tensor]:
        seen.append(batch["image"].clone())
        return original(batch, step)

    variant.discriminator_losses = spy  # type: ignore[method-assign]
    trainer = tiny_trainer(variant, n_critic=3, max_epochs=1)
    trainer.run()
    assert trainer.state.epoch_length == 2
    images = torch.cat(seen).flatten(1)
    assert len(images) == 48
    assert len(images.unique(dim=0)) == 48, "one epoch shows every image once"


def test_only_the_stepped_half_gets_gradients() -> None:
    variant = tiny_variant("wgan_gp")
    frozen: dict[str, set[str]] = {}

    def spy(half: str) -> Callable[[Batch, Step], dict[str, Tensor]]:
        original = getattr(variant, f"{half}_losses")

        def losses(batch: Batch, step: Step) -> dict[str, Tensor]:
            frozen[half] = {
                n for n, net in variant.networks.items() if not any(p.requires_grad for p in net.parameters())
            }
            return original(batch, step)

        return losses

    for half in ("discriminator", "generator"):
        setattr(variant, f"{half}_losses", spy(half))
    tiny_trainer(variant, epoch_length=1).run()
    assert frozen == {"discriminator": {"generator"}, "generator": {"discriminator"}}
    assert all(parameter.requires_grad for parameter in variant.parameters())


def test_accumulation_equals_the_large_batch() -> None:
    """With the data of one step split in two, gradients agree as far as the objective is a mean over samples."""

    class Fixed(LatentGAN):
        def fake(self, batch: Batch, step: Step) -> Tensor:
            return self.generator(batch["image"].flatten(1)[:, :8])

    states = []
    for batch_size, steps in ((16, 1), (8, 2)):
        trunk = tiny_variant("wgan_gp")
        variant = Fixed(trunk.generator, trunk.discriminator, trunk.objective)  # type: ignore[attr-defined]
        trainer = tiny_trainer(variant, batch_size, accumulation_steps=steps, epoch_length=2)
        trainer.run()
        states.append(torch.cat([p.detach().flatten() for p in variant.parameters()]))
    torch.testing.assert_close(states[0], states[1], atol=2e-5, rtol=1e-4)


def test_lazy_penalty_is_due_every_interval_and_corrects_adam() -> None:
    variant = tiny_variant("wgan_gp", interval=4)
    trainer = tiny_trainer(variant, n_critic=2, epoch_length=4)
    due: list[bool] = []
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda t: due.append("discriminator/gradient_penalty" in t.state.output[0])
    )
    trainer.run()
    assert due == [True, False, True, False]
    assert trainer.optimizers["discriminator"].param_groups[0]["betas"] == pytest.approx((0.5**0.8, 0.9**0.8))
    assert trainer.optimizers["generator"].param_groups[0]["betas"] == (0.5, 0.9)


def test_phases_choose_what_trains() -> None:
    class Pretrained(LatentGAN):
        @property
        def phases(self) -> list[Phase]:
            return [Phase("generator first", 2, ("generator",)), Phase("both", None, ("discriminator", "generator"))]

    trunk = tiny_variant("wgan_gp")
    variant = Pretrained(trunk.generator, trunk.discriminator, trunk.objective)  # type: ignore[attr-defined]
    before = [p.clone() for p in variant.discriminator.parameters()]
    trainer = tiny_trainer(variant, n_critic=2, epoch_length=4)
    stop_after(trainer, 2)
    trainer.run()
    assert trainer.batches.state_dict() == {"position": 2}, "the generator alone takes one batch an iteration"
    assert all(torch.equal(a, b) for a, b in zip(before, variant.discriminator.parameters(), strict=True))
    trainer.run()
    assert not all(torch.equal(a, b) for a, b in zip(before, variant.discriminator.parameters(), strict=True))
    assert trainer.batches.state_dict() == {"position": 6}, "the epoch that was left is finished, not begun anew"
    assert trainer.phase(1) == (variant.phases[0], 0.5)


def test_weights_are_projected_after_every_critic_step() -> None:
    trunk = tiny_variant("wgan_gp")
    variant = WGAN(trunk.generator, trunk.discriminator, clip=0.01)  # type: ignore[arg-type]
    tiny_trainer(variant, n_critic=2, epoch_length=2).run()
    assert max(float(p.detach().abs().max()) for p in variant.discriminator.parameters()) == pytest.approx(0.01)
    assert max(float(p.detach().abs().max()) for p in variant.generator.parameters()) > 0.01


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_gradients_are_clipped_per_network_without_their_loss_scale(precision: str) -> None:
    variant = tiny_variant("wgan_gp")
    optimizers = {name: torch.optim.SGD(network.parameters(), 1.0) for name, network in variant.networks.items()}
    loader = StreamLoader(Images(), 8)
    trainer = GANTrainer("cpu", 1, loader, variant, optimizers, epoch_length=1, clip_norm=1e-4, precision=precision)
    trainer.scalers = {half: GradScaler("cpu", 2.0**10, enabled=precision == "fp16") for half in trainer.scalers}
    before = {name: parameters_to_vector(net.parameters()).clone() for name, net in variant.networks.items()}
    trainer.run()
    for name, network in variant.networks.items():
        moved = (parameters_to_vector(network.parameters()) - before[name]).norm().item()
        assert moved == pytest.approx(1e-4, rel=0.02), name


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_networks_run_in_the_chosen_precision(precision: str, dtype: torch.dtype) -> None:
    variant = tiny_variant("wgan_gp")
    seen: set[torch.dtype] = set()
    for network in variant.networks.values():
        network.register_forward_hook(lambda module, inputs, output: seen.add(output.dtype))
    trainer = tiny_trainer(variant, epoch_length=1, precision=precision, schedulers={})
    trainer.run()
    assert seen == {dtype}
    assert {value.dtype for value in trainer.state.output[0].values()} == {torch.float32}
    assert trainer.sample(variant.latents(2, 0)).dtype == torch.float32


def test_non_finite_loss_stops_before_the_weights_are_touched() -> None:
    variant = tiny_variant("wgan_gp")
    original = variant.generator_losses

    def broken(batch: Batch, step: Step) -> dict[str, Tensor]:
        losses = original(batch, step)
        return {name: value * float("nan") if step.iteration == 2 else value for name, value in losses.items()}

    variant.generator_losses = broken  # type: ignore[method-assign]
    trainer = tiny_trainer(variant, epoch_length=5)
    trainer.guard.last_checkpoint = "run/checkpoint.pt"
    with pytest.raises(
        NonFiniteLossError, match=r"'generator/adversarial' became nan at iteration 3.*run/checkpoint\.pt"
    ):
        trainer.run()
    assert all(torch.isfinite(p).all() for p in variant.generator.parameters())  # type: ignore[union-attr]


def test_averaged_weights_follow_the_decay() -> None:
    """After n updates the average is the recursion of the ramped decay over the weights that training went through."""
    trainer = tiny_trainer(tiny_variant("wgan_gp"), epoch_length=4, ema_decay=0.5)
    name = next(iter(dict(trainer.variant.generator.named_parameters())))  # type: ignore[union-attr]
    weights: list[Tensor] = []
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED,
        lambda t: weights.append(t.variant.generator.get_parameter(name).detach().clone()),
    )
    trainer.run()
    average = weights[0]
    for n, weight in enumerate(weights[1:], start=1):
        average = torch.lerp(average, weight, 1 - min(0.5, (1 + n) / (10 + n)))
    torch.testing.assert_close(trainer.ema.variant.generator.get_parameter(name), average)  # type: ignore[union-attr]
    assert not trainer.ema.variant.generator.training  # type: ignore[union-attr]


def test_monai_handlers_attach_unchanged(tmp_path: Path) -> None:
    trainer = tiny_trainer(tiny_variant("dcgan"), max_epochs=2, schedulers={})
    scheduler = torch.optim.lr_scheduler.StepLR(trainer.optimizers["generator"], 1, 0.1)
    StatsHandler(name="stats").attach(trainer)
    LrScheduleHandler(scheduler, print_lr=False).attach(trainer)
    CheckpointSaver(str(tmp_path), {"trainer": trainer}, save_final=True, final_filename="final.pt").attach(trainer)
    trainer.run()
    assert trainer.optimizers["generator"].param_groups[0]["lr"] == pytest.approx(1e-5)

    again = tiny_trainer(tiny_variant("dcgan"), max_epochs=2, schedulers={})
    CheckpointLoader(str(tmp_path / "final.pt"), {"trainer": again}).attach(again)
    again.fire_event(Events.STARTED)
    assert again.state.iteration == trainer.state.iteration
    assert equal(again.variant.state_dict(), trainer.variant.state_dict())


def test_finished_training_does_not_start_again() -> None:
    trainer = tiny_trainer(tiny_variant("dcgan"))
    trainer.run()
    before = saved(trainer)
    trainer.run()
    assert equal(before["variant"], trainer.variant.state_dict())
    trainer.state.max_epochs = 2
    trainer.run()
    assert trainer.state.epoch == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"n_critic": 0}, "n_critic=0 must be a whole number of at least 1", id="no-critic-step"),
        pytest.param({"accumulation_steps": 0}, "accumulation_steps=0", id="no-micro-batch"),
        pytest.param({"precision": "int8"}, "precision='int8' is unknown; choose one of fp32", id="unknown-precision"),
        pytest.param({"ema_decay": 1.0}, "ema_decay=1.0", id="average-that-never-moves"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_trainer(tiny_variant("dcgan"), **arguments)


def test_phase_of_an_unknown_network_is_refused() -> None:
    class Typo(LatentGAN):
        phases = (Phase("warm-up", None, ("critic",)),)

    trunk = tiny_variant("dcgan")
    with pytest.raises(ValueError, match=r"phase 'warm-up' trains \['critic'\], which must be networks of Typo"):
        tiny_trainer(Typo(trunk.generator, trunk.discriminator, trunk.objective))  # type: ignore[attr-defined]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_network_that_a_regularizer_does_not_reach_is_not_stepped(precision: str) -> None:
    class Offset(LatentGAN):
        discriminator_names = ("discriminator", "offset")
        lazy_intervals = {"discriminator": 2}  # noqa: RUF012

        def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
            logits = self.discriminator(batch["image"])
            if not step.main:
                return {"size": logits.square().mean()}
            return {"adversarial": (logits - self.offset(torch.ones(1, 1))).square().mean()}

    trunk = tiny_variant("wgan_gp")
    variant = Offset(trunk.generator, trunk.discriminator, trunk.objective)  # type: ignore[attr-defined]
    variant.offset = nn.Linear(1, 1)
    trainer = tiny_trainer(variant, epoch_length=2, precision=precision, schedulers={})
    trainer.run()
    assert trainer.state.iteration == 2
    if precision == "fp32":
        steps = {name: next(iter(o.state.values()))["step"] for name, o in trainer.optimizers.items()}
        assert steps == {"discriminator": 3, "offset": 2, "generator": 2}


def test_optimizer_for_each_network_is_required() -> None:
    variant = tiny_variant("dcgan")
    optimizers = {"generator": torch.optim.SGD(variant.parameters(), 0.1)}
    with pytest.raises(ValueError, match=r"must name exactly the networks \['discriminator', 'generator'\]"):
        GANTrainer("cpu", 1, [torch.zeros(2, 1, 12, 12)], variant, optimizers)


def test_checkpoint_of_other_networks_is_refused() -> None:
    state = saved(tiny_trainer(tiny_variant("dcgan")))
    with pytest.raises(InputError, match="belongs to other networks"):
        tiny_trainer(tiny_variant("wgan_gp")).load_state_dict(state)
    with pytest.raises(InputError, match="6 iterations per epoch, this run 3"):
        tiny_trainer(tiny_variant("dcgan"), epoch_length=3).load_state_dict(state)


@pytest.mark.parametrize("form", ["tensor", "pair", "other-key"])
def test_batches_of_plain_loaders(form: str) -> None:
    variant = tiny_variant("dcgan")
    optimizers = {name: torch.optim.SGD(net.parameters(), 0.1) for name, net in variant.networks.items()}
    image = torch.zeros(4, 1, 12, 12)
    batch = {"tensor": image, "pair": (image, torch.zeros(4)), "other-key": {"scan": image}}[form]
    trainer = GANTrainer("cpu", 1, [batch], variant, optimizers)
    if form == "other-key":
        with pytest.raises(InputError, match=r"no 'image', only \['scan'\]"):
            trainer.run()
    else:
        trainer.run()
        assert trainer.state.iteration == 1


def test_empty_loader_is_an_input_error() -> None:
    variant = tiny_variant("dcgan")
    optimizers = {name: torch.optim.SGD(net.parameters(), 0.1) for name, net in variant.networks.items()}
    with pytest.raises(InputError, match="loader is empty"):
        GANTrainer("cpu", 1, [], variant, optimizers).run()
