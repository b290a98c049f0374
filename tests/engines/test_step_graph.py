"""Step graphs: replays train exactly as the steps themselves would, whatever else happens in between."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from graph_training import allow_capturable, assert_same, graph_trainer, outcome, tapes, train_both
from ignite.engine import Events
from tiny_training import Images, tiny_trainer, tiny_variant
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim import Adam

from monai_gan.data import StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.errors import NonFiniteLossError
from monai_gan.variants import WGAN, WGANGP, Batch, Phase, Step, Variant


@pytest.fixture(autouse=True)
def _capturable(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_capturable(monkeypatch)


def normalised() -> Variant:
    variant = tiny_variant("wgan_gp")
    for module in list(variant.discriminator.modules()):  # type: ignore[union-attr]
        if isinstance(module, nn.Conv2d):
            spectral_norm(module)
    return variant


def clipped() -> Variant:
    trunk = tiny_variant("wgan_gp")
    return WGAN(trunk.generator, trunk.discriminator)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("build", "arguments", "kinds", "steps"),
    [
        pytest.param(lambda: tiny_variant("dcgan"), {}, 2, 40, id="batch-norm"),
        pytest.param(lambda: tiny_variant("wgan_gp"), {"n_critic": 2, "clip_norm": 0.1}, 2, 60, id="clipped-gradients"),
        pytest.param(lambda: tiny_variant("dropout"), {}, 2, 40, id="global-random-numbers"),
        pytest.param(normalised, {}, 2, 40, id="spectral-norm"),
        pytest.param(clipped, {}, 2, 40, id="projected-weights"),
        pytest.param(
            lambda: tiny_variant("wgan_gp", interval=2), {"n_critic": 2, "accumulation_steps": 2}, 3, 80, id="lazy"
        ),
        pytest.param(
            lambda: tiny_variant("wgan_gp"), {"precision": "bf16", "channels_last": True}, 2, 40, id="bf16-last"
        ),
        pytest.param(lambda: tiny_variant("wgan_gp"), {"precision": "fp16"}, 2, 40, id="update-after-loss-scale"),
        pytest.param(
            lambda: tiny_variant("dcgan"), {"optimizer": "sgd", "accumulation_steps": 2}, 2, 40, id="update-outside"
        ),
    ],
)
def test_replays_equal_the_steps_themselves(
    build: Callable[[], Variant], arguments: dict[str, Any], kinds: int, steps: int
) -> None:
    trainer = train_both(build, **arguments)
    assert tapes(trainer).captures == kinds
    assert tapes(trainer).replays == steps - 3 * kinds, "three rehearsals of each kind"


@pytest.mark.parametrize("stop", [2, 9], ids=["while-rehearsing", "after-capture"])
@pytest.mark.parametrize("second", ["graphs", "plain", "itself"])
def test_resumed_training_equals_uninterrupted(stop: int, second: str) -> None:
    """The second part is done with graphs, without, or by a trainer that goes back with the graphs of later steps."""

    def trainer(graphs: bool) -> GANTrainer:
        variant = tiny_variant("wgan_gp", interval=2)
        return graph_trainer(variant, graphs, n_critic=2, accumulation_steps=2, clip_norm=1.0)

    whole, first = trainer(graphs=False), trainer(graphs=True)
    whole.run()
    file = io.BytesIO()
    first.add_event_handler(Events.ITERATION_COMPLETED(once=stop), lambda t: torch.save(t.state_dict(), file))
    last = stop + 6 if second == "itself" else stop
    end = first.add_event_handler(Events.ITERATION_COMPLETED(once=last), lambda t: t.terminate(skip_completed=True))
    first.run()
    end.remove()
    again = first if second == "itself" else trainer(graphs=second == "graphs")
    file.seek(0)
    again.load_state_dict(torch.load(file, weights_only=True))
    again.state.losses = whole.state.losses[:stop]
    again.run()
    assert_same({**outcome(whole), "random": None}, {**outcome(again), "random": None})


def test_losses_may_differentiate_by_their_inputs() -> None:
    class Sensitivity(WGANGP):
        def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
            latents = step.randn(8, 8).requires_grad_()
            image = batch["image"].requires_grad_()
            total = self.generator(latents).sum() + self.discriminator(image).sum()
            gradients = torch.autograd.grad(total, (latents, image), create_graph=True)
            return {f"sensitivity_{i}": gradient.square().sum() for i, gradient in enumerate(gradients)}

    def build() -> Variant:
        trunk: Any = tiny_variant("wgan_gp")
        return Sensitivity(trunk.generator, trunk.discriminator)

    assert tapes(train_both(build, max_epochs=2)).captures == 2


def test_several_processes_average_between_graph_and_update(monkeypatch: pytest.MonkeyPatch) -> None:
    averaged: list[int] = []
    monkeypatch.setattr("monai_gan.engines.step_graph.world", lambda: (0, 2))
    monkeypatch.setattr("monai_gan.engines.half_step.average_gradients", lambda p: averaged.append(len(p)))
    trainer = train_both(lambda: tiny_variant("wgan_gp"))
    assert tapes(trainer).replays == 34
    assert len(averaged) == 2 * 40, "every step of both trainers, also those that are replayed"


def test_batch_of_another_shape_is_trained_on_without_a_graph() -> None:
    images = Images().images
    loader = [*images[:40].split(8), images[40:43]]
    trainer = train_both(lambda: tiny_variant("dcgan"), loader=loader, epoch_length=6, max_epochs=3)
    assert tapes(trainer).captures == 2
    assert tapes(trainer).replays == 2 * (18 - 3 - 3), "three rehearsals and three short batches"


def test_each_phase_has_its_own_graphs() -> None:
    class Pretrained(WGANGP):
        @property
        def phases(self) -> tuple[Phase, ...]:
            return Phase("generator", 6, ("generator",)), Phase("both", None, ("discriminator", "generator"))

    def build() -> Variant:
        trunk: Any = tiny_variant("wgan_gp")
        return Pretrained(trunk.generator, trunk.discriminator)

    trainer = train_both(build, schedulers={})
    assert tapes(trainer).captures == 3
    assert tapes(trainer).replays == (6 - 3) + 2 * (14 - 3)


def test_loss_that_is_not_finite_stops_training_and_is_never_saved() -> None:
    images = Images(80).images
    images[65] = float("nan")
    trainer = graph_trainer(tiny_variant("wgan_gp"), graphs=True, loader=images.split(8), epoch_length=10)
    with pytest.raises(NonFiniteLossError, match="Loss 'discriminator/.*' became nan at iteration 9"):
        trainer.run()
    assert tapes(trainer).replays == 11
    with pytest.raises(NonFiniteLossError, match="Weights of 'discriminator'"):
        trainer.state_dict()


def test_capture_that_fails_names_the_way_out() -> None:
    class Waiting(WGANGP):
        def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
            mean = float(batch["image"].mean())
            return {"mean": mean * super().generator_losses(batch, step)["adversarial"]}

    trunk: Any = tiny_variant("wgan_gp")
    trainer = graph_trainer(Waiting(trunk.generator, trunk.discriminator), graphs=True)
    with pytest.raises(RuntimeError, match="The 'all' steps of the generator cannot be captured .*cuda_graph=False"):
        trainer.run()


def test_other_devices_are_refused() -> None:
    with pytest.raises(ValueError, match="cuda_graph=True needs a CUDA device, not 'cpu'"):
        tiny_trainer(tiny_variant("dcgan"), cuda_graph=True)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("bf16", 1e-2), ("fp16", 1e-2)])
@pytest.mark.parametrize("kind", ["dcgan", "wgan_gp"])
def test_graphs_on_a_gpu_train_as_the_steps_themselves(kind: str, precision: str, tolerance: float) -> None:
    def train(cuda_graph: bool) -> tuple[Any, ...]:
        variant = tiny_variant(kind, interval=2)
        # A large epsilon: where a gradient is near zero, Adam would otherwise make much of rounding errors.
        optimizers: dict[str, torch.optim.Optimizer] = {
            name: Adam(net.parameters(), 1e-3, (0.5, 0.9), eps=1e-2) for name, net in variant.networks.items()
        }
        arguments: dict[str, Any] = {"n_critic": 2, "clip_norm": 1.0, "precision": precision, "cuda_graph": cuda_graph}
        trainer = GANTrainer("cuda", 5, StreamLoader(Images(), 8), variant, optimizers, epoch_length=4, **arguments)
        losses: list[dict[str, Tensor]] = []
        trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda t: losses.append(t.state.output[0]))
        trainer.run()
        return losses, variant.state_dict(), trainer.ema.variant.state_dict()

    torch.testing.assert_close(train(cuda_graph=True), train(cuda_graph=False), rtol=tolerance, atol=tolerance)
