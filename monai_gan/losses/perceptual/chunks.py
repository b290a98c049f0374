"""Distances of many images, a few at a time: values and gradients of a chunk are computed before the next begins."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

#: What images are compared with: other images (N, C, *S), or their feature maps (N, C', *S') per layer.
Target = Tensor | Sequence[Tensor]
#: From images (n, C, *S) and their targets to distances (n,).
Distance = Callable[[Tensor, Target], Tensor]

#: Keeps inner gradients in float16 above underflow; a power of two, so that it leaves no trace.
_HALF_SCALE = 2.0**12


def part(target: Target, start: int, stop: int) -> Target:
    """Some images of a target."""
    if isinstance(target, Tensor):
        return target[start:stop]
    return [features[start:stop] for features in target]


def chunked(distance: Distance, x: Tensor, target: Target, size: int) -> Tensor:
    """Distances (N,) of images from their targets, ``size`` at a time.

    One chunk is computed plainly. With more, the gradient of each distance with respect to its own image is computed at
    once and kept in place of the network's activations, so that memory is that of one chunk; nothing is computed twice.
    That takes distances which do not depend on other images of the batch, and gives first derivatives only.

    Args:
        distance: of a few images.
        x: images (N, C, *S).
        target: images or feature maps of as many.
        size: images in a chunk, at least 1.
    """
    if size >= len(x):
        return distance(x, target)
    wanted = [one for one in (x, target) if isinstance(one, Tensor) and one.requires_grad]
    if wanted and torch.is_grad_enabled():
        return _Chunked.apply(x, target if isinstance(target, Tensor) else None, target, distance, size)  # type: ignore[no-untyped-call, no-any-return]
    return torch.cat([distance(x[i : i + size], part(target, i, i + size)) for i in range(0, len(x), size)])


class _Chunked(torch.autograd.Function):
    """Distances that carry their gradients."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, target_images: Tensor | None, target: Target, distance: Distance, size: int
    ) -> Tensor:
        scale = _HALF_SCALE if _in_float16(x.device.type) else 1.0
        values, gradients = [], ([], [])  # type: ignore[var-annotated]
        for start in range(0, len(x), size):
            ours = x[start : start + size].detach().requires_grad_(ctx.needs_input_grad[0])
            theirs = part(target, start, start + size)
            if ctx.needs_input_grad[1]:
                theirs = theirs.detach().requires_grad_()  # type: ignore[union-attr]
            with torch.enable_grad():
                value = distance(ours, theirs)
                total = value.sum() * scale
            wanted = [one for one, needs in zip((ours, theirs), ctx.needs_input_grad, strict=False) if needs]
            found = iter(torch.autograd.grad(total, wanted))  # type: ignore[arg-type]
            for kept, needs in zip(gradients, ctx.needs_input_grad, strict=False):
                if needs:
                    kept.append(next(found))
            values.append(value.detach())
        ctx.save_for_backward(*(torch.cat(kept).div_(scale) if kept else None for kept in gradients))
        return torch.cat(values)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        def scaled(gradient: Tensor | None) -> Tensor | None:
            return (
                None if gradient is None else gradient * grad.view(-1, *(1,) * (gradient.ndim - 1)).to(gradient.dtype)
            )

        return (*map(scaled, ctx.saved_tensors), None, None, None)


def _in_float16(device: str) -> bool:
    return torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) is torch.float16


class ChunkSize:
    """How many images fit into a budget of memory.

    Args:
        network: feature maps of images.
        budget: bytes of activations that are kept for the backward pass; None for no limit.
    """

    def __init__(self, network: nn.Module, budget: float | None) -> None:
        self.budget = budget
        self._shapes = copy.deepcopy(network).to("meta")
        self._bytes: dict[tuple[int, ...], int] = {}

    def __call__(self, shape: Sequence[int], count: int, chunks: int = 1) -> int:
        """At least 1 and at most ``count`` images of a shape (C, *S); with a budget, no fewer chunks than said."""
        if self.budget is None:
            return count
        key = tuple(shape)
        if key not in self._bytes:
            self._bytes[key] = self._kept(torch.empty(1, *key, device="meta", requires_grad=True))
        size = min(max(int(self.budget // self._bytes[key]), 1), -(-count // chunks))
        # Chunks of one size, so that the last is not a small rest.
        return -(-count // -(-count // size))

    def _kept(self, x: Tensor) -> int:
        """Bytes that one image leaves for the backward pass, counted without computing anything."""
        sizes: dict[int, int] = {}
        weights = {tensor.untyped_storage()._cdata for tensor in self._shapes.buffers()}

        def note(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in weights:
                sizes[storage._cdata] = storage.nbytes()
            return tensor

        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            self._shapes(x)
        return max(sum(sizes.values()), 1)
