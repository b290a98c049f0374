"""What losses may look at while their step is rehearsed for a graph, and what they read that a graph cannot repeat.

A graph repeats operations on fixed memory and knows nothing of Python: a number that losses read from their step or
batch would stay what it was. These stand-ins note such reads, and count the random numbers that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from monai_gan.variants import Batch, Step
from monai_gan.variants.step import Draw

#: What differs from step to step within a phase; other attributes are the same for all steps of a graph, or make a
#: new one.
VARYING = frozenset({"iteration", "fraction", "substep", "generator"})


class RehearsalStep(Step):
    """Gives losses what the given step would, and writes down what they ask for.

    Args:
        step: the step it stands for.
        device: where training takes place.
        notes: receives what a graph could not repeat, such as ``"read step.fraction"``.

    Attributes:
        draws: the random numbers so far, in their order.
    """

    def __init__(self, step: Step, device: torch.device, notes: set[str]) -> None:
        self.__dict__.update(vars(step))
        self.plain = step
        self.device = device
        self.notes = notes
        self.draws: list[tuple[Draw, Tensor]] = []

    def __getattribute__(self, name: str) -> Any:
        if name in VARYING:
            self.notes.add(f"read step.{name}")
        return super().__getattribute__(name)

    @property
    def generator(self) -> torch.Generator:
        return self.plain.generator

    def draw(self, draw: Draw, device: torch.device | str) -> Tensor:
        if torch.device(device).type != self.device.type:
            self.notes.add("draw random numbers on another device")
        values = self.plain.draw(draw, device)
        self.draws.append((draw, values.detach()))
        return values


class CaptureStep(RehearsalStep):
    """Gives losses fixed buffers for their random numbers.

    Args:
        draws: what a rehearsal asked for, and the buffers, which are filled anew before each replay.
    """

    def __init__(self, step: Step, device: torch.device, notes: set[str], draws: Sequence[tuple[Draw, Tensor]]) -> None:
        super().__init__(step, device, notes)
        self._rest = iter(draws)

    def draw(self, draw: Draw, device: torch.device | str) -> Tensor:
        rehearsed = next(self._rest, None)
        if rehearsed is None or rehearsed[0] != draw:
            self.notes.add("draw other random numbers than before")
            return torch.zeros(draw.shape, device=device)
        # An alias: losses may let it require a gradient, which the buffer that is written to must not.
        return rehearsed[1].detach()


class NotedBatch(Mapping[str, Any]):
    """A batch that notes when losses read an entry which is not a tensor on the device.

    Args:
        batch: the entries.
        device: where training takes place.
        notes: receives what a graph could not repeat.
    """

    def __init__(self, batch: Batch, device: torch.device, notes: set[str]) -> None:
        self._entries = dict(batch)
        self._repeatable = tensors(batch, device).keys()
        self._notes = notes

    def __getitem__(self, name: str) -> Any:
        if name in self._entries and name not in self._repeatable:
            self._notes.add(f"read batch['{name}']")
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def tensors(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """The entries of a batch that are tensors on the device: those that a graph can be fed with."""
    return {
        name: value for name, value in batch.items() if isinstance(value, Tensor) and value.device.type == device.type
    }
