"""Captures and replays work on tensors of the CPU, as strictly as a CUDA graph does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

T = TypeVar("T")

#: Operations that bring values of tensors to Python, which a stream that is being captured refuses.
WAITING = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default, torch.ops.aten.equal.default}
#: Arguments that an operation writes to although its schema does not say so.
ALSO_WRITTEN = {torch.ops.aten.native_batch_norm.default: (3, 4)}


class Tape(TorchDispatchMode):
    """A list of operations with the very tensors that they worked on.

    A replay repeats the operations on these tensors. Python is not asked again: a number that it supplied stays what it
    was, and a tensor that took the place of another is not seen. Making the list leaves no trace, as making a graph
    does: what was written to gets its values back, and so does the random generator.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []
        self.before: list[tuple[Tensor, Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in WAITING:
            raise RuntimeError(f"operation not permitted when stream is capturing: {func}")
        kwargs = kwargs or {}
        self.before += [(tensor, tensor.clone()) for tensor in written(func, args, kwargs)]
        result = func(*args, **kwargs)
        self.operations.append((func, args, kwargs, result))
        return result

    def __enter__(self) -> Tape:
        self._random = torch.get_rng_state()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch.set_rng_state(self._random)
        with torch.no_grad():
            for tensor, values in reversed(self.before):
                tensor.copy_(values)
        self.before.clear()

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, result in self.operations:
            for old, new in zip(tree_leaves(result), tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(old, Tensor) and old.untyped_storage().data_ptr() != new.untyped_storage().data_ptr():
                    old.copy_(new)


def written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """The arguments that an operation changes."""
    places = ALSO_WRITTEN.get(func, ())
    found = []
    for place, argument in enumerate(func._schema.arguments):
        if place in places or (argument.alias_info is not None and argument.alias_info.is_write):
            found.append(args[place] if place < len(args) else kwargs.get(argument.name))
    return [tensor for tensor in tree_leaves(found) if isinstance(tensor, Tensor)]


class TapeRecorder:
    """Stands in for ``CudaRecorder`` on the CPU.

    Args:
        waits: whether work that is watched is said to have waited.

    Attributes:
        captures: how many tapes were made.
        replays: how many were played.
    """

    def __init__(self, waits: bool = False) -> None:
        self.waits = waits
        self.captures = 0
        self.replays = 0

    def run(self, work: Callable[[], T], watch: bool = False) -> tuple[T, bool]:
        return work(), watch and self.waits

    def capture(self, work: Callable[[], T]) -> tuple[T, Callable[[], None]]:
        with Tape() as tape:
            result = work()
        self.captures += 1

        def replay() -> None:
            self.replays += 1
            tape.replay()

        return result, replay
