"""Data-parallel training by averaging gradients after the backward pass.

The trainer averages gradients itself rather than wrapping networks in ``DistributedDataParallel``: a GAN step runs a
network several times per backward, freezes networks in turn and differentiates inside the loss (gradient penalty), each
of which breaks the bookkeeping of that wrapper's hooks.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors


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
