"""What a step graph holds because Python supplied it, and whether it still is what it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from torch import nn

from monai_gan.engines.capturable import CapturableOptimizer
from monai_gan.engines.half_step import HalfStep
from monai_gan.variants import Step

#: Where a module keeps what a graph reads and writes at fixed addresses.
CONTENTS = ("_parameters", "_buffers", "_modules")
PLAIN = (bool, int, float, str)


class GraphSettings:
    """Remembers the numbers and the tensors with which a step is captured.

    These are the loss scale and other options of the step, and of the variant and every module in it the parameters
    and buffers, not their values but where they are, and the plain attributes: numbers, flags and strings, such as the
    weight of a penalty, ``training`` or the rate of dropout. What other objects hold is not looked at.

    Args:
        work: the step that is captured.
        step: what its losses know.
        optimizers: those that step in the graph; None if they step outside.
    """

    def __init__(self, work: HalfStep, step: Step, optimizers: Sequence[CapturableOptimizer] | None) -> None:
        self._options = _options(work, step, optimizers)
        # Looking where something was is many times as fast, in every step, as collecting everything again.
        self._places = list(_places(work.variant))
        named = chain(work.variant.named_parameters(prefix="variant"), work.variant.named_buffers(prefix="variant"))
        self._addresses = [(name, tensor, tensor.data_ptr()) for name, tensor in named]

    def changed(self, work: HalfStep, step: Step, optimizers: Sequence[CapturableOptimizer] | None) -> str:
        """The name of something that is no longer as it was; empty if there is none."""
        options = _options(work, step, optimizers)
        for name, known in self._options.items():
            if options[name] != known:
                return name
        for name, place, length, items in self._places:
            for key, value in items:
                found = place.get(key)
                if found is not value and not (isinstance(value, PLAIN) and found == value):
                    return f"{name}.{key}"
            # The instance may now have its own value for what was a default of the class.
            if len(place) != length:
                return name
        for name, tensor, address in self._addresses:
            if tensor.data_ptr() != address:
                return name
        return ""


def _options(work: HalfStep, step: Step, optimizers: Sequence[CapturableOptimizer] | None) -> dict[str, Any]:
    return {
        "the loss scale": (work.scaler, step.scale),
        "clip_norm": work.clip_norm,
        "precision": work.precision,
        "an option of an optimizer": optimizers and [(one.optimizer, one.settings()) for one in optimizers],
    }


def _places(variant: nn.Module) -> Iterator[tuple[str, dict[str, Any], int, list[tuple[str, Any]]]]:
    """Dictionaries of modules, each with its owner's name, its length and the items that count."""
    for name, module in variant.named_modules(prefix="variant"):
        attributes = vars(module)
        yield name, attributes, len(attributes), [item for item in attributes.items() if isinstance(item[1], PLAIN)]
        for part in CONTENTS:
            if contents := attributes[part]:
                yield name, contents, len(contents), list(contents.items())
