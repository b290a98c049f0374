"""Trains on the CPU with and without step graphs, where both must give the same bits.

A tape stands in for CUDA graphs. The optimizers are those whose kernels read rates and counts from the device, so that
steps with and without a graph do the same arithmetic.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from ignite.engine import Events
from tape import TapeRecorder
from tiny_training import Images
from torch.optim import SGD, Adam, Optimizer, RMSprop
from torch.optim.lr_scheduler import LinearLR

from monai_gan.data import StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.engines.step_graph import StepGraphs
from monai_gan.variants import Variant

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adam": lambda parameters: Adam(parameters, 1e-3, (0.5, 0.9), capturable=True, foreach=True),
    "rmsprop": lambda parameters: RMSprop(parameters, 1e-3, capturable=True, foreach=True),
    "sgd": lambda parameters: SGD(parameters, 1e-2, momentum=0.5),
}


def allow_capturable(patch: pytest.MonkeyPatch) -> None:
    """Torch refuses ``capturable`` on the CPU, where nothing is captured in earnest; here both devices may have it."""
    for name in ("adam", "rmsprop"):
        module = importlib.import_module(f"torch.optim.{name}")
        patch.setattr(module, "_get_capturable_supported_devices", lambda **_: ["cpu", "cuda"])


def graph_trainer(
    variant: Variant, graphs: bool, optimizer: str = "adam", loader: Any = None, **arguments: Any
) -> GANTrainer:
    """A trainer of five epochs of four iterations, which keeps all losses in ``trainer.state.losses``."""
    optimizers = {name: OPTIMIZERS[optimizer](net.parameters()) for name, net in variant.networks.items()}
    schedulers = {name: LinearLR(one, 1.0, 0.5, 4) for name, one in optimizers.items()}
    arguments = {"epoch_length": 4, "ema_decay": 0.9, "seed": 3, "schedulers": schedulers, **arguments}
    loader = loader or StreamLoader(Images(), 8)
    trainer = GANTrainer("cpu", arguments.pop("max_epochs", 5), loader, variant, optimizers, **arguments)
    if graphs:
        trainer.step_graphs = StepGraphs(TapeRecorder())
    trainer.state.losses = []
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda t: t.state.losses.append(t.state.output[0]))
    return trainer


def tapes(trainer: GANTrainer) -> TapeRecorder:
    """The recorder of a trainer with graphs."""
    assert trainer.step_graphs is not None
    assert isinstance(trainer.step_graphs._recorder, TapeRecorder)
    return trainer.step_graphs._recorder


def outcome(trainer: GANTrainer) -> dict[str, Any]:
    """Everything that training leaves behind."""
    state = trainer.state_dict()
    return {
        **{key: state[key] for key in ("variant", "ema", "scalers", "loader")},
        "optimizers": {name: optimizer["state"] for name, optimizer in state["optimizers"].items()},
        "rates": {name: one.param_groups[0]["lr"] for name, one in trainer.optimizers.items()},
        "random": torch.get_rng_state(),
        "losses": trainer.state.losses,
    }


def assert_same(expected: dict[str, Any], found: dict[str, Any]) -> None:
    """Two outcomes are equal bit for bit."""
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def train_both(build: Callable[[], Variant], prepare: Callable[[GANTrainer], Any] = id, **arguments: Any) -> GANTrainer:
    """Train without and with graphs, to the same end.

    Args:
        build: makes the variant.
        prepare: is given each trainer before its run.
        arguments: of :func:`graph_trainer`.

    Returns:
        The trainer with graphs.
    """
    plain, graphs = (graph_trainer(build(), graphs, **arguments) for graphs in (False, True))
    ends = []
    for trainer in (plain, graphs):
        torch.manual_seed(0)
        prepare(trainer)
        trainer.run()
        ends.append(outcome(trainer))
    assert_same(*ends)
    return graphs


def before(iteration: int, change: Callable[[GANTrainer], Any]) -> Callable[[GANTrainer], Any]:
    """To prepare a trainer with: make a change before an iteration."""
    return lambda trainer: trainer.add_event_handler(Events.ITERATION_STARTED(once=iteration), change)
