"""Tell fused operations which gradients a backward pass is for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_KEY = "monai_gan_input_gradient_only"


@contextmanager
def input_gradient_only() -> Iterator[None]:
    """Within this context a backward pass through fused operations leaves out gain and bias.

    torch tells an operation only whether its parameters require a gradient, not whether this backward pass wants it, so
    that ``torch.autograd.grad(critic(image).sum(), image, create_graph=True)`` would compute gradients that nobody
    reads. Convolutions have such a switch inside torch. Gradients of parameters that do reach a fused operation in this
    context arrive as zero, so wrap exactly the inner ``torch.autograd.grad`` call of a gradient penalty, and call
    ``backward`` on the penalty outside of it.

    The switch belongs to the thread; autograd carries it into the threads in which it runs a backward pass on a GPU.
    """
    before = asked_for_input_only()
    torch._C._stash_obj_in_tls(_KEY, True)
    try:
        yield
    finally:
        torch._C._stash_obj_in_tls(_KEY, before)


def asked_for_input_only() -> bool:
    """Whether :func:`input_gradient_only` is active where this runs."""
    return torch._C._is_key_in_tls(_KEY) and bool(torch._C._get_obj_in_tls(_KEY))
