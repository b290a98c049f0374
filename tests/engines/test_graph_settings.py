"""Numbers and tensors that a step graph holds: when they change, training goes on with the new ones."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from graph_training import allow_capturable, before, tapes, train_both
from ignite.engine import Events
from tiny_training import tiny_variant
from torch import Tensor

from monai_gan.engines import GANTrainer
from monai_gan.variants import WGANGP, Batch, Step


@pytest.fixture(autouse=True)
def _capturable(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_capturable(monkeypatch)


class Adjustable(WGANGP):
    """The losses of its generator depend on a number of its own, on one of the class and on a buffer."""

    share = 1.0
    factor: Tensor

    def __init__(self) -> None:
        trunk: Any = tiny_variant("dropout")
        super().__init__(trunk.generator, trunk.discriminator)
        self.own = 1.0
        self.register_buffer("factor", torch.ones(()))

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        loss = super().generator_losses(batch, step)["adversarial"]
        return {"adversarial": self.own * self.share * self.factor * loss}


def move(trainer: GANTrainer) -> None:
    for parameter in trainer.variant.generator.parameters():  # type: ignore[union-attr]
        parameter.data = parameter.data.clone()


def set_betas(trainer: GANTrainer) -> None:
    trainer.optimizers["generator"].param_groups[0]["betas"] = (0.2, 0.7)


@pytest.mark.parametrize(
    ("change", "new_graphs"),
    [
        pytest.param(lambda t: setattr(t.variant, "own", 2.0), 2, id="number-of-the-variant"),
        pytest.param(lambda t: setattr(t.variant.penalty, "weight", 2.0), 2, id="number-of-a-module"),
        pytest.param(lambda t: setattr(t.variant, "share", 2.0), 2, id="default-of-the-class"),
        pytest.param(lambda t: t.variant.discriminator.eval(), 2, id="mode-of-a-network"),
        pytest.param(lambda t: setattr(t.variant, "factor", torch.tensor(3.0)), 2, id="another-buffer"),
        pytest.param(lambda t: t.variant.factor.fill_(3.0), 0, id="values-of-a-buffer"),
        pytest.param(move, 2, id="weights-elsewhere"),
        pytest.param(lambda t: setattr(t, "clip_norm", 0.01), 2, id="clipping"),
        pytest.param(lambda t: setattr(t, "precision", "bf16"), 2, id="precision"),
        pytest.param(set_betas, 1, id="option-of-one-optimizer"),
    ],
)
def test_changed_settings_take_effect(change: Callable[[GANTrainer], Any], new_graphs: int) -> None:
    trainer = train_both(Adjustable, before(15, change))
    assert tapes(trainer).captures == 2 + new_graphs
    assert tapes(trainer).replays == 34 - new_graphs, "one rehearsal before each new graph"


def test_loss_scale_that_changes_is_taken_out_of_the_penalty() -> None:
    def lower(trainer: GANTrainer) -> None:
        trainer.scalers["discriminator"].update(2.0**10)

    trainer = train_both(lambda: tiny_variant("wgan_gp"), before(9, lower), precision="fp16")
    assert tapes(trainer).captures == 3


def test_changes_that_leave_time_for_replays_go_on(caplog: pytest.LogCaptureFixture) -> None:
    def now_and_then(trainer: GANTrainer) -> None:
        if trainer.state.iteration % 15 == 0:
            trainer.variant.own += 1.0  # type: ignore[assignment, operator]

    trainer = train_both(
        Adjustable, lambda t: t.add_event_handler(Events.ITERATION_STARTED, now_and_then), max_epochs=15
    )
    assert tapes(trainer).captures == 2 * 4
    assert tapes(trainer).replays == 2 * (60 - 3 - 4)
    assert not caplog.records


class Restless(Adjustable):
    """Changes something of its own in each step of the generator."""

    def __init__(self, change: Callable[[Adjustable], None]) -> None:
        super().__init__()
        self.change = change

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        self.change(self)
        return super().generator_losses(batch, step)


def count(variant: Adjustable) -> None:
    variant.own += 1.0


def exchange(variant: Adjustable) -> None:
    variant.factor = variant.factor + 0.5


@pytest.mark.parametrize(("change", "name"), [(count, "own"), (exchange, "factor")])
def test_changes_in_every_step_make_graphs_rare(
    change: Callable[[Adjustable], None], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="monai_gan"):
        trainer = train_both(lambda: Restless(change))
    assert [record.getMessage() for record in caplog.records] == [
        f"CUDA graphs of the 'all' steps of the {half} hardly pay: variant.{name} changes all the time."
        for half in ("discriminator", "generator")
    ]
    assert tapes(trainer).captures == 2 * 3
