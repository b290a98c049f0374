"""Replays optimizer steps as CUDA graphs, as far as a replay does what the step itself would do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from monai_gan.engines.capturable import CapturableOptimizer, all_ready, is_capturable
from monai_gan.engines.cuda_recorder import Recorder
from monai_gan.engines.distributed import world
from monai_gan.engines.graph_settings import GraphSettings
from monai_gan.engines.half_step import HalfStep, Judge, Losses
from monai_gan.engines.static_inputs import CaptureStep, NotedBatch, RehearsalStep, tensors
from monai_gan.variants import Batch, Phase, Step
from monai_gan.variants.step import Draw

logger = logging.getLogger(__name__)

#: Steps without a graph before a capture; torch's notes on CUDA graphs ask for three.
WARM_UP = 3
#: A graph has paid for its capture after so many replays.
WORTHWHILE = 10
#: How often in a row that was not so before the log says it, and before the wait for the next graph grows no more.
HASTY, HASTY_AT_MOST = 3, 10


class StepGraphs:
    """Runs the optimizer steps of a trainer, each kind of step a few times as it is and from then on as a CUDA graph.

    A kind is a half of the variant and a part of its losses; a new phase begins anew. The first steps of a kind are
    rehearsals, which train like any step. They show which random numbers the losses draw and whether the losses depend
    on anything that a graph cannot repeat, such as the iteration. If they do, that kind of step goes on without a
    graph, and the log says why.

    In the graph are the losses and gradients of all micro-batches. Clipping, the optimizers' step and the projection
    are there too if the optimizers are capturable, one process trains and no loss is scaled; else they follow on the
    graph, because averaging gradients and looking for overflows need the host. Outside are copies of the batch and of
    the random numbers to where the graph reads them, and the averaged weights.

    Before each replay the numbers that the graph holds are compared with the present ones: plain attributes of the
    variant's modules, options of the optimizers, the loss scale. Where one has changed, a new graph takes over after a
    rehearsal, or after ever more of them while changes go on; learning rates are followed without a new graph. A batch
    of another shape than the first one runs without a graph.

    Args:
        recorder: makes graphs.
        warm_up: rehearsals before a capture, at least 1.
    """

    def __init__(self, recorder: Recorder, warm_up: int = WARM_UP) -> None:
        self._recorder = recorder
        self._warm_up = warm_up
        self._phase: Phase | None = None
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._capturable: dict[Optimizer, CapturableOptimizer] = {}

    def forget(self) -> None:
        """Drop all graphs, for instance because the tensors that they work on are no longer those of the training."""
        self._kinds.clear()

    def run(self, work: HalfStep, batches: Sequence[Batch], steps: Sequence[Step], judge: Judge) -> Losses:
        """One optimizer step; the same as :meth:`HalfStep.run`.

        The parameters have no gradients after a replay.

        Args:
            work: the half that is stepped.
            batches: the micro-batches.
            steps: what the losses may know of each of them; phase, part and scale are those of the first.
            judge: looks at the losses: in a graph with the optimizers' step after it, else before.

        Returns:
            The named losses, averaged over micro-batches.
        """
        if steps[0].phase != self._phase:
            self._phase = steps[0].phase
            self.forget()
        layout = _layout(batches, work)
        name = f"'{steps[0].part}' steps of the {work.half}"
        kind = self._kinds.setdefault((work.half, steps[0].part), _Kind(name, layout, self._warm_up))
        inside = self._update_inside(work)
        for optimizer in inside or ():
            optimizer.follow()
        if layout == kind.layout and not kind.given_up:
            if kind.graph is not None and (change := kind.graph.settings.changed(work, steps[0], inside)):
                kind.retire(change)
            if kind.graph is None and kind.rehearsals == 0:
                self._capture(kind, work, batches, steps, inside)
        if layout != kind.layout or kind.given_up:
            losses, _ = self._recorder.run(lambda: _perform(work, batches, steps, inside or [], judge))
            return losses
        if kind.graph is None:
            losses = self._rehearse(kind, work, batches, steps, inside)
        else:
            losses = kind.graph.replay(batches, steps)
        judge(losses)
        if inside is None:
            work.update()
        if kind.graph is not None:
            for parameter in work.parameters:
                parameter.grad = None
        return losses

    def _update_inside(self, work: HalfStep) -> list[CapturableOptimizer] | None:
        """The optimizers whose step belongs into the graph; None if it stays outside."""
        if world()[1] > 1 or work.scaler.is_enabled() or not all(map(is_capturable, work.optimizers.values())):
            return None
        for optimizer in work.optimizers.values():
            if optimizer not in self._capturable:
                self._capturable[optimizer] = CapturableOptimizer(optimizer, self.forget)
        return [self._capturable[optimizer] for optimizer in work.optimizers.values()]

    def _rehearse(
        self,
        kind: _Kind,
        work: HalfStep,
        batches: Sequence[Batch],
        steps: Sequence[Step],
        inside: list[CapturableOptimizer] | None,
    ) -> Losses:
        notes: set[str] = set()
        rehearsed = [RehearsalStep(step, work.device, notes) for step in steps]
        noted = [NotedBatch(batch, work.device, notes) for batch in batches]
        kind.rehearsals -= 1
        # Only the last one is watched: libraries may wait when they are first used.
        losses, waited = self._recorder.run(
            lambda: _perform(work, noted, rehearsed, inside), watch=kind.rehearsals == 0
        )
        kind.draws = [step.draws for step in rehearsed]
        if waited:
            notes.add("wait for the device, as .item() and copies from the CPU do")
        if notes:
            kind.give_up(f"its losses {' and '.join(sorted(notes))}")
        return losses

    def _capture(
        self,
        kind: _Kind,
        work: HalfStep,
        batches: Sequence[Batch],
        steps: Sequence[Step],
        inside: list[CapturableOptimizer] | None,
    ) -> None:
        settings = GraphSettings(work, steps[0], inside)
        notes: set[str] = set()
        # Copies of the batch, not empty memory: what a label picks must exist wherever a recorder does the work.
        static = [{name: value.clone() for name, value in tensors(batch, work.device).items()} for batch in batches]
        fixed = [CaptureStep(step, work.device, notes, draws) for step, draws in zip(steps, kind.draws, strict=True)]
        # Aliases, for the same reason as those of random numbers.
        fed = [
            NotedBatch({**batch, **{name: value.detach() for name, value in buffers.items()}}, work.device, notes)
            for batch, buffers in zip(batches, static, strict=True)
        ]
        try:
            losses, launch = self._recorder.capture(lambda: _perform(work, fed, fixed, inside))
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise RuntimeError(
                f"The {kind.name} cannot be captured as a CUDA graph: {error}; train with cuda_graph=False."
            ) from error
        if notes:
            kind.give_up(f"its losses {' and '.join(sorted(notes))}")
            return
        gradients = [] if inside is not None else [(parameter, parameter.grad) for parameter in work.parameters]
        kind.graph = _Graph(settings, static, kind.draws, gradients, losses, launch)


@dataclass
class _Graph:
    """A captured step, and the memory through which it is fed and read.

    Attributes:
        settings: the numbers that it holds.
        batches: what each micro-batch is copied to.
        draws: what the random numbers of each micro-batch are copied to.
        gradients: where it leaves the gradients of an update outside of it.
        losses: where it leaves the losses.
        launch: replays it.
        replays: how often it was replayed.
    """

    settings: GraphSettings
    batches: list[dict[str, Tensor]]
    draws: list[list[tuple[Draw, Tensor]]]
    gradients: list[tuple[nn.Parameter, Tensor | None]]
    losses: Losses
    launch: Callable[[], None]
    replays: int = 0

    def replay(self, batches: Sequence[Batch], steps: Sequence[Step]) -> Losses:
        for buffers, batch in zip(self.batches, batches, strict=True):
            for name, buffer in buffers.items():
                buffer.copy_(batch[name], non_blocking=True)
        for draws, step in zip(self.draws, steps, strict=True):
            for draw, buffer in draws:
                buffer.copy_(step.numbers(draw, pinned=buffer.is_cuda), non_blocking=True)
        self.launch()
        self.replays += 1
        for parameter, gradient in self.gradients:
            parameter.grad = gradient
        return {name: value.clone() for name, value in self.losses.items()}


@dataclass
class _Kind:
    """What is known of one kind of step.

    Attributes:
        name: for messages.
        layout: shapes of the batches that its graph takes.
        rehearsals: how many are left before the next capture.
        draws: random numbers of the last rehearsal, per micro-batch.
        graph: None before a capture.
        hasty: graphs in a row that did not pay for their capture.
        given_up: whether it runs without a graph for good.
    """

    name: str
    layout: tuple[Any, ...]
    rehearsals: int
    draws: list[list[tuple[Draw, Tensor]]] = field(default_factory=list)
    graph: _Graph | None = None
    hasty: int = 0
    given_up: bool = False

    def retire(self, change: str) -> None:
        """Drop the graph because of a change."""
        replays = 0 if self.graph is None else self.graph.replays
        self.graph = None
        self.hasty = min(self.hasty + 1, HASTY_AT_MOST) if replays < WORTHWHILE else 0
        self.rehearsals = 2**self.hasty
        if self.hasty == HASTY:
            logger.warning("CUDA graphs of the %s hardly pay: %s changes all the time.", self.name, change)

    def give_up(self, reason: str) -> None:
        self.given_up = True
        logger.warning("No CUDA graph for the %s: %s.", self.name, reason)


def _perform(
    work: HalfStep,
    batches: Sequence[Batch],
    steps: Sequence[Step],
    inside: Sequence[CapturableOptimizer] | None,
    judge: Judge | None = None,
) -> Losses:
    """The step, without its update if there is nothing ``inside``."""
    losses = work.backward(batches, steps, judge)
    if inside is not None:
        with all_ready(inside):
            work.update()
    return losses


def _layout(batches: Sequence[Batch], work: HalfStep) -> tuple[Any, ...]:
    """What must be equal for one graph to take other batches."""
    return tuple(
        tuple((name, value.shape, value.stride(), value.dtype) for name, value in tensors(batch, work.device).items())
        for batch in batches
    )
