"""Optimizers in a step graph: rates are followed, and everybody else finds the optimizers as they were."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from graph_training import allow_capturable, assert_same, before, graph_trainer, outcome, tapes, train_both
from ignite.engine import Events
from tape import TapeRecorder
from tiny_training import tiny_variant
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from monai_gan.engines import GANTrainer
from monai_gan.engines.capturable import is_capturable
from monai_gan.engines.step_graph import StepGraphs


@pytest.fixture(autouse=True)
def _capturable(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_capturable(monkeypatch)


def test_rates_are_followed_without_a_new_graph() -> None:
    def lower(trainer: GANTrainer) -> None:
        for optimizer in trainer.optimizers.values():
            optimizer.param_groups[0]["lr"] *= 0.9

    trainer = train_both(
        lambda: tiny_variant("wgan_gp"), lambda t: t.add_event_handler(Events.ITERATION_STARTED, lower)
    )
    assert tapes(trainer).captures == 2


def test_rmsprop_is_followed_too() -> None:
    """Against rehearsals without end: with rates on the device, RMSprop divides in another order than without."""
    trainers = [graph_trainer(tiny_variant("wgan_gp"), graphs=True, optimizer="rmsprop") for _ in range(2)]
    trainers[0].step_graphs = StepGraphs(TapeRecorder(), warm_up=1000)
    for trainer in trainers:
        torch.manual_seed(0)
        trainer.run()
    assert_same(*map(outcome, trainers))
    assert [tapes(trainer).replays for trainer in trainers] == [0, 34]


def test_state_that_an_optimizer_loads_by_itself_is_the_one_that_counts() -> None:
    def reset(trainer: GANTrainer) -> None:
        optimizer = trainer.optimizers["discriminator"]
        state = optimizer.state_dict()
        zeros = {k: {n: torch.zeros_like(v) for n, v in kept.items()} for k, kept in state["state"].items()}
        optimizer.load_state_dict({**state, "state": zeros})

    trainer = train_both(lambda: tiny_variant("wgan_gp"), before(8, reset))
    assert tapes(trainer).captures == 4


def test_optimizers_look_as_their_owner_made_them() -> None:
    variant = tiny_variant("dcgan")
    trainer = graph_trainer(variant, graphs=True, schedulers={})
    trainer.optimizers = {n: Adam(net.parameters(), 1e-3, foreach=True) for n, net in variant.networks.items()}
    trainer.run()
    assert tapes(trainer).replays == 34
    for optimizer in trainer.optimizers.values():
        assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["capturable"]) == (1e-3, False)
    assert all(parameter.grad is None for parameter in variant.parameters()), "those of a graph are not handed out"


class Own(Adam):
    """May step in any way."""


@pytest.mark.parametrize(
    ("kind", "options", "capturable"),
    [
        pytest.param(Adam, {}, True, id="adam"),
        pytest.param(AdamW, {"fused": True}, True, id="fused"),
        pytest.param(RMSprop, {}, True, id="rmsprop"),
        pytest.param(RMSprop, {"foreach": False}, False, id="rate-read-back"),
        pytest.param(SGD, {}, False, id="rate-as-a-number"),
        pytest.param(Own, {}, False, id="subclass"),
        pytest.param(Adam, {"lr": torch.tensor(1e-3)}, False, id="rate-that-is-a-tensor"),
        pytest.param(Adam, {"betas": (torch.tensor(0.5), torch.tensor(0.9))}, False, id="betas-that-are-tensors"),
        pytest.param(Adam, {"differentiable": True}, False, id="differentiable"),
    ],
)
def test_which_optimizers_step_in_a_graph(kind: type[Optimizer], options: dict[str, Any], capturable: bool) -> None:
    assert is_capturable(kind(nn.Linear(2, 1).parameters(), **options)) == capturable


def test_hooks_are_not_passed_over() -> None:
    optimizer = Adam(nn.Linear(2, 1).parameters())
    optimizer.register_step_post_hook(lambda *_: None)
    assert not is_capturable(optimizer)
