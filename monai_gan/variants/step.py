"""What a variant may know of a step: where training stands, which part is due, and its random numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

Part = Literal["all", "main", "regularizer"]


class Phase(NamedTuple):
    """One stage of a schedule.

    Attributes:
        name: shown in logs.
        until: the iteration (generator steps) at which the phase ends; None means the end of training.
        trains: names of the networks that are updated.
    """

    name: str
    until: int | None
    trains: tuple[str, ...]


class Draw(NamedTuple):
    """Random numbers that a loss asks for.

    Attributes:
        kind: name of torch's function.
        shape: (n, ...) for the ``n`` samples of this process.
    """

    kind: Literal["rand", "randn"]
    shape: tuple[int, ...]


@dataclass
class Step:
    """The state of training that losses may depend on.

    Random numbers come from a generator that is seeded by (seed, iteration, sub-step) and drawn for the whole global
    batch, of which every process takes its share: a resumed run repeats them, and so does another number of processes.

    Args:
        iteration: finished iterations (generator steps).
        phase: the running phase.
        fraction: progress within the phase in [0, 1); 0 in a phase without an end, 1 after the last phase's end.
        part: ``"main"`` and ``"regularizer"`` are stepped apart when a regularizer is lazy, ``"all"`` together.
        scale: the loss scale of mixed precision, which a gradient penalty must take out of its inner gradient.
        substep: counts discriminator steps, micro-batches and the generator step within the iteration.
        seed, rank, world_size: of the random numbers.
    """

    iteration: int
    phase: Phase
    fraction: float = 0.0
    part: Part = "all"
    scale: float = 1.0
    substep: int = 0
    seed: int = 0
    rank: int = 0
    world_size: int = 1
    _generator: torch.Generator | None = field(default=None, init=False, repr=False)

    @property
    def main(self) -> bool:
        """Whether the main losses are asked for."""
        return self.part != "regularizer"

    @property
    def regularizer(self) -> bool:
        """Whether the regularizers are asked for."""
        return self.part != "main"

    def randn(self, n: int, *size: int, device: torch.device | str = "cpu") -> Tensor:
        """Standard normal numbers (n, *size) for the ``n`` samples of this process."""
        return self.draw(Draw("randn", (n, *size)), device)

    def rand(self, n: int, *size: int, device: torch.device | str = "cpu") -> Tensor:
        """Uniform numbers in [0, 1), (n, *size), for the ``n`` samples of this process."""
        return self.draw(Draw("rand", (n, *size)), device)

    def draw(self, draw: Draw, device: torch.device | str) -> Tensor:
        """The numbers of :meth:`randn` and :meth:`rand`, on the device."""
        on_cuda = torch.device(device).type == "cuda"
        return self.numbers(draw, pinned=on_cuda).to(device, non_blocking=on_cuda)

    def numbers(self, draw: Draw, pinned: bool = False) -> Tensor:
        """The numbers of a draw on the CPU, in pinned memory if a copy to a GPU shall not wait."""
        n, *size = draw.shape
        function = torch.randn if draw.kind == "randn" else torch.rand
        values = function((n * self.world_size, *size), generator=self.generator, pin_memory=pinned)
        return values[self.rank * n : (self.rank + 1) * n]

    @property
    def generator(self) -> torch.Generator:
        """The generator of this step, on the CPU."""
        if self._generator is None:
            entropy = (self.seed, self.iteration, self.substep, 0 if self.main else 1)
            word = int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0])
            self._generator = torch.Generator().manual_seed(word >> 1)
        return self._generator
