"""Bring together what the processes of a distributed run have seen; one process alone needs no process group."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Number of processes; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def gather_values(value: Any) -> list[Any]:
    """A small value of each process, in the order of the ranks."""
    values: list[Any] = [None] * world_size()
    if len(values) == 1:
        return [value]
    dist.all_gather_object(values, value)
    return values


def gather_rows(rows: Tensor, counts: list[int]) -> Tensor:
    """The rows of all processes one below the other, in the order of the ranks.

    Args:
        rows: (n, F) of this process; same F and type everywhere.
        counts: n of every process.

    Returns:
        (sum of counts, F) on the device of ``rows``.
    """
    # Collectives want equal shapes: pad to the longest.
    padded = rows.new_zeros(max(counts), rows.shape[1], device=_device(rows))
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(parts, padded)
    return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)]).to(rows.device)


def sum_over_processes(tensor: Tensor) -> Tensor:
    """The sum of a tensor of one shape over all processes, as a new tensor."""
    total = tensor.to(_device(tensor), copy=True)
    dist.all_reduce(total)
    return total.to(tensor.device)


def _device(tensor: Tensor) -> torch.device:
    """Where the backend can reach a tensor: NCCL knows only GPUs."""
    return torch.device("cuda", torch.cuda.current_device()) if dist.get_backend() == "nccl" else tensor.device
