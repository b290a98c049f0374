"""The recorder on a GPU: what it captures is repeated, what waits is noticed, and graphs share their memory."""

from __future__ import annotations

import pytest
import torch

from monai_gan.engines.cuda_recorder import CudaRecorder

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def test_replays_read_the_memory_of_the_capture() -> None:
    recorder, source, total = CudaRecorder("cuda"), torch.ones(3, device="cuda"), torch.zeros(3, device="cuda")
    recorder.run(lambda: source.square())
    result, replay = recorder.capture(lambda: total.add_(source.square()).sum())
    assert total.tolist() == [0, 0, 0], "a capture does nothing yet"
    for value in (1.0, 2.0):
        source.fill_(value)
        replay()
    assert total.tolist() == [5, 5, 5]
    assert result.item() == 15


def test_waiting_for_the_device_is_noticed() -> None:
    recorder, ones = CudaRecorder("cuda"), torch.ones(3, device="cuda")
    mode = torch.cuda.get_sync_debug_mode()
    assert recorder.run(lambda: float(ones.sum()), watch=True) == (3.0, True)
    assert recorder.run(lambda: len(ones * 2), watch=True) == (3, False)
    assert recorder.run(lambda: float(ones.sum())) == (3.0, False)
    assert torch.cuda.get_sync_debug_mode() == mode


def test_graphs_share_memory_and_outlive_each_other() -> None:
    recorder, source = CudaRecorder("cuda"), torch.ones(1024, device="cuda")
    recorder.run(lambda: source * 2)
    _, first = recorder.capture(lambda: source * 2)
    tripled, second = recorder.capture(lambda: source * 3)
    assert len({graph.pool() for graph in recorder._graphs}) == 1
    first()
    del first
    second()
    assert tripled.sum().item() == 3 * 1024
    del second, tripled
    halved, third = recorder.capture(lambda: source / 2)
    third()
    assert halved.sum().item() == 512, "also when all others are gone"
