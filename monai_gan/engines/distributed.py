"""Data-parallel training by averaging gradients after the backward pass.

The trainer averages gradients itself rather than wrapping networks in ``DistributedDataParallel``: a GAN step runs a
network several times per backward, freezes networks in turn and differentiates inside the loss (gradient penalty), each
of which breaks the bookkeeping of that wrapper's hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

T = TypeVar("T")


def world() -> tuple[int, int]:
    """Rank and number of processes; (0, 1) without a process group."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def any_process(flag: bool, device: torch.device | str = "cpu") -> bool:
    """Whether ``flag`` is set in any process: the same answer for all, who must all ask."""
    if world()[1] == 1:
        return flag
    answer = torch.tensor(float(flag), device=device)
    dist.all_reduce(answer, op=dist.ReduceOp.MAX)
    return bool(answer)


def connection_lost(error: Exception) -> bool:
    """Whether an error is what a process meets when another one has ended."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error).lower())


@torch.no_grad()
def mean_values(values: Mapping[str, Tensor | float], device: torch.device | str = "cpu") -> dict[str, float]:
    """Mean of each value over the processes, who must all ask, with the same names."""
    size = world()[1]
    together = torch.stack([torch.as_tensor(value, dtype=torch.float64).cpu() for value in values.values()])
    if size > 1:
        # Single precision, which every device can add up.
        shared = together.float().to(device)
        dist.all_reduce(shared)
        together = shared.double().cpu() / size
    return dict(zip(values, together.tolist(), strict=True))


def from_first(make: Callable[[], T]) -> T:
    """What ``make`` gives in rank 0, in every process, who must all ask; an error there is raised everywhere."""
    rank, size = world()
    if size == 1:
        return make()
    box: list[Any] = [None, None]
    if rank == 0:
        try:
            box[0] = make()
        except Exception as error:  # alone, rank 0 would leave the others waiting
            box[1] = error
    dist.broadcast_object_list(box, src=0)
    if box[1] is not None:
        raise box[1]
    return box[0]


@torch.no_grad()
def broadcast_module(module: nn.Module) -> None:
    """Give every process the weights and buffers of rank 0."""
    if world()[1] > 1:
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, src=0)


@torch.no_grad()
def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace every gradient by its mean over the processes.

    A parameter that the loss does not reach keeps no gradient, as it would in one process: all run the same graph.
    """
    size = world()[1]
    if size == 1:
        return
    by_type: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            by_type.setdefault((parameter.device, parameter.dtype), []).append(parameter.grad)
    for gradients in by_type.values():
        flat = _flatten_dense_tensors(gradients)
        dist.all_reduce(flat)
        flat /= size
        for gradient, mean in zip(gradients, _unflatten_dense_tensors(flat, gradients), strict=True):
            gradient.copy_(mean)
