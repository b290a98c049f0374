"""Time several ways to do the same thing side by side.

The ways take turns, so that a busy machine disturbs all alike; a figure is the median over rounds of the ratio of two
times from the same round, with its quartiles.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

WARM_UP = 3
#: Ways that :func:`compare` passes over, by name; torch.compile takes longer to start than all others to be timed.
LEFT_OUT: set[str] = set()


@dataclass(frozen=True)
class Timing:
    """How one way compares with ours.

    Attributes:
        ratio: its time over ours, the median over rounds; above 1 ours is faster.
        quartiles: of that ratio.
        memory: its peak memory over ours.
        rounds: how often both were timed.
    """

    ratio: float
    quartiles: tuple[float, float]
    memory: float
    rounds: int

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def compare(ways: Mapping[str, Callable[[], Any]], ours: str, device: str, rounds: int) -> dict[str, Timing]:
    """Time all ways against one of them.

    Args:
        ways: what to call, by name; a call does the whole work and leaves nothing pending but GPU work.
        ours: name of the way that the others are divided by.
        device: ``"cpu"`` or ``"cuda"``.
        rounds: timed rounds; the first way of a round changes from round to round.

    Returns:
        A timing per way, ours included and those of :data:`LEFT_OUT` not.
    """
    ways = {name: way for name, way in ways.items() if name not in LEFT_OUT}
    for way in ways.values():
        for _ in range(WARM_UP):
            way()
    calls = {name: _calls_per_sample(way, device) for name, way in ways.items()}
    seconds = take_turns(ways, device, rounds, calls)
    memory = {name: peak_memory(way, device) for name, way in ways.items()}
    return {name: against(seconds[name], seconds[ours], memory[name] / max(memory[ours], 1)) for name in ways}


def take_turns(
    ways: Mapping[str, Callable[[], Any]], device: str, rounds: int, calls: Mapping[str, int] | None = None
) -> dict[str, list[float]]:
    """Seconds of one call of each way, one figure a round; ``calls``: that many make a figure, by default one."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for _ in range(rounds):
        for name in names:
            seconds[name].append(_seconds(ways[name], calls[name] if calls else 1, device))
        names = names[1:] + names[:1]
    return seconds


def seconds_of(way: Callable[[], Any], device: str, rounds: int) -> float:
    """Median seconds of one call; to be set against another figure of the same run only."""
    for _ in range(WARM_UP):
        way()
    calls = _calls_per_sample(way, device)
    return statistics.median(_seconds(way, calls, device) for _ in range(rounds))


def peak_memory(way: Callable[[], Any], device: str) -> int:
    """Largest number of bytes that one call holds at a time in tensors, beside what was there before."""
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        way()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        way()
    held = peak = 0
    for event in profile.profiler.kineto_results.events():  # type: ignore[union-attr]
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def copy_seconds(nbytes: int, device: str, rounds: int) -> float:
    """Seconds per byte that a plain copy reads and writes, at this size."""
    source = torch.empty(max(nbytes // 4, 1), device=device)
    target = torch.empty_like(source)
    return seconds_of(lambda: target.copy_(source), device, rounds) / (2 * 4 * source.numel())


def against(seconds: list[float], ours: list[float], memory: float) -> Timing:
    """What the times of one way say beside ours of the same rounds, of which there are at least two."""
    ratios = [one / other for one, other in zip(seconds, ours, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return Timing(middle, (low, high), memory, len(ratios))


def _calls_per_sample(way: Callable[[], Any], device: str) -> int:
    """As many calls as make a sample long against the clock's resolution and a launch."""
    return max(1, min(50, int(0.02 / max(_seconds(way, 1, device), 1e-6))))


def _seconds(way: Callable[[], Any], calls: int, device: str) -> float:
    if device == "cuda":
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        start.record()
        for _ in range(calls):
            way()
        end.record()
        torch.cuda.synchronize()
        return start.elapsed_time(end) / 1000 / calls
    begin = time.perf_counter()
    for _ in range(calls):
        way()
    return (time.perf_counter() - begin) / calls
