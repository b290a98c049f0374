"""The bundles and networks behind transforms: found when the transform is made, opened by the process that uses them.

The transforms lie below ``monai_gan.apps`` and import nothing of it. A bundle is nevertheless opened by
``monai_gan.apps.load``, as everywhere else, so that checksums, trust, units and results are the same in a pipeline, on
the command line and in 3D Slicer. That one import happens when the first image is asked for, in ``open_bundle``, and
nowhere else.
"""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from torch import nn

#: Name or path of a bundle, or a network.
Model = str | os.PathLike[str] | nn.Module
State = TypeVar("State")

# A forked child inherits this number from the process that imported the module; any other child imports anew.
_IMPORTED_BY = os.getpid()


class PerProcess(Generic[State]):
    """A state that each process makes for itself, and that no copy brings along.

    Args:
        make: gives a fresh state; a class or function of a module, so that it can be pickled.
    """

    def __init__(self, make: Callable[[], State]) -> None:
        self.make = make
        self._states: dict[int, tuple[Any, State]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to this process."""
        return {**self.__dict__, "_states": {}}

    @contextmanager
    def mine(self) -> Iterator[State]:
        """The state of this process, for one thread at a time."""
        # Keyed by process, so that a forked child neither uses what its parent opened nor waits for a lock of it.
        lock, state = self._states.setdefault(os.getpid(), (threading.Lock(), self.make()))
        with lock:
            yield state


def settle(model: Model) -> Path | nn.Module:
    """Find a bundle now, so that a wrong name is told before workers start; copy a network, which may train on.

    Raises:
        InputError: the bundle is not found.
    """
    if isinstance(model, nn.Module):
        return copy.deepcopy(model).cpu().eval().requires_grad_(False)
    from monai_gan.bundle import find_bundle

    return find_bundle(model)


def usable_device(device: str) -> str:
    """The device that was asked for, or the CPU in a forked process, which cannot use CUDA."""
    return "cpu" if os.getpid() != _IMPORTED_BY else device


def place(network: nn.Module, device: str) -> nn.Module:
    """A network on a device: a copy, unless that is the CPU, where processes that are forked later need the network."""
    return network if device == "cpu" else copy.deepcopy(network).to(device)


def open_bundle(path: Path, task: str, device: str, trust: bool) -> Any:
    """Load a bundle that does a task.

    Args:
        path: of the bundle.
        task: as in the bundle's metadata, for instance ``"translation"``.
        device: "cpu", "cuda", "cuda:1" or "mps".
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.

    Returns:
        What ``monai_gan.apps.load`` gives.

    Raises:
        InputError: the bundle does another task, or the device is not there.
        WeightsError: weights missing, altered or unsafe.
    """
    from monai_gan.apps import load
    from monai_gan.apps.load import check_task
    from monai_gan.bundle import BundleInfo

    check_task(BundleInfo.from_path(path), (task,))
    return load(path, device=device, trust=trust)
