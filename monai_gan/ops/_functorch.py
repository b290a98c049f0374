"""The one place that asks torch's private interfaces what surrounds a call."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch._C._functorch import TransformType, get_interpreter_stack, is_functorch_wrapped_tensor
from torch.autograd import forward_ad


def differentiating() -> bool:
    """Whether a transform of ``torch.func`` is active."""
    return bool(get_interpreter_stack())


def only_reverse_mode() -> bool:
    """Whether all active transforms of ``torch.func`` are ``grad``, ``vjp`` or ``jacrev`` without ``vmap``."""
    return all(level.key() == TransformType.Grad for level in get_interpreter_stack() or ())


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is just numbers in memory: no ``torch.func`` wrapper, nothing lazy, no tangent."""
    return (
        tensor.layout is torch.strided
        and not is_functorch_wrapped_tensor(tensor)
        and not tensor.is_neg()
        and not torch._is_zerotensor(tensor)
        and forward_ad.unpack_dual(tensor).tangent is None
    )


def may_pass_dispatcher(tensors: Iterable[Tensor]) -> bool:
    """Whether kernels may take tensors without torch's dispatcher: nothing that surrounds the call has to look into it,
    and all are just numbers in memory, of no subclass.
    """
    if torch.jit.is_tracing() or torch.compiler.is_compiling() or differentiating():
        return False
    return all(type(one) in (Tensor, torch.nn.Parameter) and is_plain(one) for one in tensors)


def graph_is_kept() -> bool:
    """Whether the backward pass that is running leaves its graph for another one; also where torch does not tell."""
    ask = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", None)
    return True if ask is None else bool(ask())
