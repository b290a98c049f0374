"""Operations of torch's dispatcher, under the namespace ``monai_gan``, and the memory layouts that they keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from monai_gan.ops import _functorch, dispatch

_LIBRARY = torch.library.Library("monai_gan", "DEF")


class Operation:
    """An operation of torch's dispatcher that is also differentiable under ``torch.func``.

    Calling it runs the registered operation: eager, compiled, captured, on fake tensors. A registered derivative has no
    form that the transforms of ``torch.func`` accept, so under them the call takes an ``autograd.Function`` around the
    same operation, with the same derivative.

    Args:
        schema: name and signature, as ``torch.library.Library.define`` reads them.
        kernel: serves real tensors of every device; chooses the backend itself.
        fake: gives results of the right shape, type and layout without computing them.
    """

    def __init__(self, schema: str, kernel: Callable[..., Any], fake: Callable[..., Any]) -> None:
        self.name = schema.partition("(")[0]
        _LIBRARY.define(schema)
        _LIBRARY.impl(self.name, _on_bare_tensors(kernel), "CompositeExplicitAutograd")
        torch.library.register_fake(f"monai_gan::{self.name}", fake, lib=_LIBRARY)
        self._registered = getattr(torch.ops.monai_gan, self.name).default
        self._function: type[torch.autograd.Function] | None = None

    def __call__(self, *arguments: Any) -> Any:
        if self._function is not None and not torch.compiler.is_compiling() and _functorch.differentiating():
            return self._function.apply(*arguments)
        return self._registered(*arguments)

    def differentiate(self, backward: Callable[..., Any], save: Callable[..., None]) -> None:
        """Give the derivative.

        Args:
            backward: maps context and cotangents to one cotangent per argument; itself made of operations.
            save: ``setup_context`` of ``torch.autograd.Function``.
        """
        torch.library.register_autograd(f"monai_gan::{self.name}", backward, setup_context=save, lib=_LIBRARY)
        registered = self._registered
        parts = {
            "forward": staticmethod(lambda *arguments: registered(*arguments)),
            "setup_context": staticmethod(save),
            "backward": staticmethod(backward),
            "generate_vmap_rule": True,
        }
        self._function = type(self.name, (torch.autograd.Function,), parts)

    def end(self, message: str) -> None:
        """Refuse to be differentiated.

        Args:
            message: of the RuntimeError, with the remedy.
        """

        def refuse(*_: Any) -> None:
            raise RuntimeError(message)

        self.differentiate(refuse, lambda ctx, inputs, output: None)


def _on_bare_tensors(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Hand a kernel tensors without a subclass; the dispatcher gives its results back what a subclass carries."""

    def run(*arguments: Any) -> Any:
        return kernel(*(one.as_subclass(Tensor) if isinstance(one, Tensor) else one for one in arguments))

    return run


def plain_torch_serves(operation: str, *tensors: Tensor | None) -> bool:
    """Whether a call has to take the definition in plain torch: no other backend serves it, or what surrounds the call
    (an export, a forward-mode derivative, ``vmap``) cannot look into a fused operation.
    """
    given = [tensor for tensor in tensors if tensor is not None]
    if dispatch.choose(operation, given[0].device.type, given[0].dtype) == "torch":
        return True
    if torch.compiler.is_compiling():
        return torch.compiler.is_exporting()
    if _functorch.differentiating():
        return not _functorch.only_reverse_mode()
    return not all(_functorch.is_plain(tensor) for tensor in given)


def dense(x: Tensor) -> Tensor:
    """The tensor itself if it is contiguous or channels-last, else a contiguous copy."""
    return x if x.is_contiguous() or _is_channels_last(x) else x.contiguous()


def like(value: Tensor, x: Tensor) -> Tensor:
    """A tensor with the memory layout of ``x``, which is dense; copied only where it has to be."""
    if x.is_contiguous():
        return value.contiguous()
    return value.contiguous(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)


def _is_channels_last(x: Tensor) -> bool:
    if x.ndim == 4:
        return x.is_contiguous(memory_format=torch.channels_last)
    return x.ndim == 5 and x.is_contiguous(memory_format=torch.channels_last_3d)
