"""The part of step graphs that is CUDA's: streams, captures and the memory that graphs share."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Protocol, TypeVar
from weakref import WeakSet

import torch

T = TypeVar("T")

_WAITS = "called a synchronizing CUDA operation"


class Recorder(Protocol):
    """Runs work, or makes a graph of it."""

    def run(self, work: Callable[[], T], watch: bool = False) -> tuple[T, bool]:
        """Do the work now, so that it leaves nothing behind that hinders a capture.

        Returns:
            What ``work`` returned, and if that was to be watched, whether it waited for the device, as no graph can.
        """

    def capture(self, work: Callable[[], T]) -> tuple[T, Callable[[], None]]:
        """Record the work without doing it.

        Returns:
            What ``work`` returned, whose tensors receive their values at each replay, and the replay.
        """


class CudaRecorder:
    """Captures on a stream of its own; its graphs share one pool of memory.

    Sharing is safe although graphs are replayed in any order: what a graph leaves behind for others lies outside of the
    pool, such as weights and the state of optimizers, or is read before the next graph is replayed.

    Args:
        device: a CUDA device.
    """

    def __init__(self, device: torch.device | str) -> None:
        self._device = torch.device(device)
        self._stream = torch.cuda.Stream(self._device)
        self._graphs: WeakSet[torch.cuda.CUDAGraph] = WeakSet()

    def run(self, work: Callable[[], T], watch: bool = False) -> tuple[T, bool]:
        # Autograd remembers the stream on which it first met a parameter, and a capture must not touch the default one.
        with torch.cuda.device(self._device):
            outside = torch.cuda.current_stream()
            self._stream.wait_stream(outside)
            try:
                with torch.cuda.stream(self._stream):
                    return _watched(work) if watch else (work(), False)
            finally:
                outside.wait_stream(self._stream)

    def capture(self, work: Callable[[], T]) -> tuple[T, Callable[[], None]]:
        graph = torch.cuda.CUDAGraph()
        # The pool lives as long as one of its graphs, and cannot be used again after that.
        pool = next((other.pool() for other in self._graphs), None)
        # Threads of a loader or of a process group go on calling CUDA meanwhile, which "global" would take amiss.
        with (
            torch.cuda.device(self._device),
            torch.cuda.graph(graph, pool=pool, stream=self._stream, capture_error_mode="thread_local"),
        ):
            result = work()
        self._graphs.add(graph)
        return result, graph.replay


def _watched(work: Callable[[], T]) -> tuple[T, bool]:
    mode = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            result = work()
        finally:
            torch.cuda.set_sync_debug_mode(mode)
    return result, any(_WAITS in str(warning.message) for warning in caught)
