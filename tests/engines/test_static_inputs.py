"""What losses read that a graph cannot repeat: their steps are then done without a graph, and the log says so once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from graph_training import allow_capturable, graph_trainer, tapes, train_both
from ignite.engine import Events
from tiny_training import tiny_variant
from torch import Tensor

from monai_gan.engines import GANTrainer, prepare_gan_batch
from monai_gan.engines.static_inputs import NotedBatch
from monai_gan.variants import WGANGP, Batch, Phase, Step


@pytest.fixture(autouse=True)
def _capturable(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_capturable(monkeypatch)


class Odd(WGANGP):
    """The losses of its generator have a factor that ``habit`` gives."""

    def __init__(self, habit: Callable[[Odd, Batch, Step], float | Tensor]) -> None:
        trunk: Any = tiny_variant("wgan_gp")
        super().__init__(trunk.generator, trunk.discriminator)
        self.habit = habit
        self.finished: list[int] = []

    @property
    def phases(self) -> tuple[Phase, ...]:
        return (Phase("all", 100, ("discriminator", "generator")),)

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        factor = self.habit(self, batch, step)
        return {"odd": factor * super().generator_losses(batch, step)["adversarial"]}


@pytest.mark.parametrize(
    ("habit", "reason"),
    [
        pytest.param(lambda v, b, s: 1.0 + s.iteration, "its losses read step.iteration", id="iteration"),
        pytest.param(lambda v, b, s: 1.0 + s.fraction, "its losses read step.fraction", id="fraction"),
        pytest.param(lambda v, b, s: 1.0 + s.substep, "its losses read step.substep", id="substep"),
        pytest.param(
            lambda v, b, s: torch.rand((), generator=s.generator), "its losses read step.generator", id="generator"
        ),
        pytest.param(lambda v, b, s: float(b["mean"]), "its losses read batch['mean']", id="no-tensor"),
        pytest.param(lambda v, b, s: s.rand(1, device="meta").ndim, "random numbers on another device", id="device"),
        pytest.param(
            lambda v, b, s: s.rand(1 + len(v.finished) // 3).mean(), "draw other random numbers than before", id="draws"
        ),
    ],
)
def test_what_a_graph_cannot_repeat_is_done_without_one(
    habit: Callable[..., float | Tensor], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    def with_mean(batch: Any, device: torch.device, non_blocking: bool) -> dict[str, Any]:
        return {**prepare_gan_batch(batch, device), "mean": str(float(batch["image"].mean()))}

    def count(trainer: GANTrainer) -> None:
        trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda t: t.variant.finished.append(t.state.iteration))

    with caplog.at_level(logging.WARNING, logger="monai_gan"):
        train_both(lambda: Odd(habit), count, prepare_batch=with_mean)
    [record] = caplog.records
    assert record.getMessage().startswith("No CUDA graph for the 'all' steps of the generator: ")
    assert reason in record.getMessage()


def test_losses_that_wait_for_the_device_get_no_graph(caplog: pytest.LogCaptureFixture) -> None:
    trainer = graph_trainer(tiny_variant("dcgan"), graphs=True)
    tapes(trainer).waits = True
    trainer.run()
    assert tapes(trainer).captures == 0
    assert caplog.text.count("wait for the device, as .item() and copies from the CPU do") == 2


def test_noted_batch_is_a_mapping_that_only_reading_marks() -> None:
    image, notes = torch.zeros(2, 1, 4, 4), set[str]()
    batch = NotedBatch({"image": image, "name": ["a", "b"]}, torch.device("cpu"), notes)
    assert "name" in batch
    assert list(batch) == ["image", "name"]
    assert batch.get("label") is None
    assert batch["image"] is image
    assert notes == set()
    assert batch["name"] == ["a", "b"]
    assert notes == {"read batch['name']"}
