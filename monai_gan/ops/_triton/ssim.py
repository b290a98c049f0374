"""Structural similarity and its derivative, in Triton.

Windows slide along one axis after the other: along the first one straight from the images to their five moments, along
the last one straight into the result. Maps between the axes live for a few volumes at a time. No result depends on the
order in which programs run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from monai_gan.ops._triton import ssim_windows as kernel
from monai_gan.ops._triton.launch import ACCUMULATE, OPTIONS, SERVES, ceil_div, lanes, on_device
from monai_gan.ops._windows import shifts

__all__ = ["SERVES", "backward", "forward"]

_WARPS = 4
#: Elements of images whose maps are in memory at a time; one volume at least. The maps are ten times that.
_ELEMENTS = 1 << 22


@dataclass(frozen=True)
class _Axis:
    """A window along one axis."""

    size: int
    sigma: float

    @property
    def weights(self) -> dict[str, float | int]:
        """Arguments of a kernel."""
        squares = [((i - (self.size - 1) / 2) / self.sigma) ** 2 for i in range(self.size)]
        total = sum(math.exp((min(squares) - square) / 2) for square in squares)
        return {"narrow": 0.5 / self.sigma**2, "top": 1 / total, "TAPS": self.size}


@dataclass(frozen=True)
class _Volumes:
    """Some images or volumes of x and y, (V, *S), with what is subtracted from them, (V,)."""

    x: Tensor
    y: Tensor
    x_shift: Tensor
    y_shift: Tensor
    axes: list[_Axis]

    @property
    def count(self) -> int:
        return len(self.x)

    @property
    def inner(self) -> int:
        """Elements from one index of the first axis to the next."""
        return self.x[0, 0].numel()

    @property
    def windows(self) -> list[int]:
        """Windows along each axis that lie inside."""
        return [side - axis.size + 1 for side, axis in zip(self.x.shape[1:], self.axes, strict=True)]


def forward(
    x: Tensor, y: Tensor, sizes: Sequence[int], sigmas: Sequence[float], c1: float, c2: float
) -> tuple[Tensor, Tensor]:
    """Similarity and contrast; see ``monai_gan.ops.ssim.reference``."""
    totals = []
    for _, volumes in _groups(x, y, sizes, sigmas):
        moments = _moments(volumes)
        windows, how = _length(volumes.windows), _how(moments.dtype)
        chunks = ceil_div(windows, how["BLOCK"])
        partial = moments.new_empty(2, volumes.count, chunks)
        with on_device(x):
            kernel.similarity[(volumes.count * chunks,)](
                moments,
                volumes.x_shift,
                volumes.y_shift,
                partial,
                *_rows(volumes, windows, chunks),
                c1,
                c2,
                **volumes.axes[-1].weights,
                **how,
            )
        totals.append(partial.sum(dim=2) / windows)
    similarity, contrast = torch.cat(totals, dim=1).reshape(2, *x.shape[:2])
    return similarity.contiguous(), contrast.contiguous()


def backward(
    to_similarity: Tensor,
    to_contrast: Tensor,
    x: Tensor,
    y: Tensor,
    sizes: Sequence[int],
    sigmas: Sequence[float],
    c1: float,
    c2: float,
    both: bool,
) -> tuple[Tensor, Tensor]:
    """Their derivatives; see ``_torch.ssim.backward``."""
    grad_x = torch.empty_like(x)
    grad_y = torch.empty_like(y) if both else None
    flat_x, flat_y = grad_x.flatten(0, 1), None if grad_y is None else grad_y.flatten(0, 1)
    to_similarity, to_contrast = to_similarity.flatten(), to_contrast.flatten()
    for taken, volumes in _groups(x, y, sizes, sigmas):
        moments = _moments(volumes)
        windows, how = _length(volumes.windows), _how(moments.dtype)
        chunks = ceil_div(windows, how["BLOCK"])
        slopes = moments.new_empty(4 if both else 3, volumes.count, *volumes.windows)
        with on_device(x):
            kernel.slopes[(volumes.count * chunks,)](
                moments,
                volumes.x_shift,
                volumes.y_shift,
                to_similarity[taken],
                to_contrast[taken],
                slopes,
                *_rows(volumes, windows, chunks),
                c1,
                c2,
                **volumes.axes[-1].weights,
                BOTH=both,
                **how,
            )
        del moments
        for axis in range(len(volumes.axes) - 1, 0, -1):
            slopes = _slide(slopes, axis, volumes.axes[axis], back=True)
        _gradient(volumes, slopes, flat_x[taken], None if flat_y is None else flat_y[taken])
    return grad_x, x.new_empty(0) if grad_y is None else grad_y


def _groups(x: Tensor, y: Tensor, sizes: Sequence[int], sigmas: Sequence[float]) -> Iterator[tuple[slice, _Volumes]]:
    """Some volumes at a time, channels one after the other."""
    axes = [_Axis(size, sigma) for size, sigma in zip(sizes, sigmas, strict=True)]
    x_shift, y_shift = shifts(x).flatten(), shifts(y).flatten()
    x, y = x.flatten(0, 1), y.flatten(0, 1)
    some = max(1, _ELEMENTS // x[0].numel())
    for start in range(0, len(x), some):
        taken = slice(start, min(start + some, len(x)))
        yield taken, _Volumes(x[taken], y[taken], x_shift[taken], y_shift[taken], axes)


def _how(dtype: torch.dtype) -> dict[str, int]:
    """Options of a launch on elements of a type: one wide load per thread."""
    return {"BLOCK": 32 * _WARPS * lanes(dtype), "num_warps": _WARPS, **OPTIONS}


def _length(extents: Sequence[int]) -> int:
    return torch.Size(extents).numel()


def _rows(volumes: _Volumes, windows: int, chunks: int) -> tuple[int, int, int, int, int]:
    """Rows before and after windows slide along them, in numbers."""
    width, inside = volumes.x.shape[-1], volumes.windows[-1]
    return width, inside, windows, chunks, volumes.count * windows // inside * width


def _moments(volumes: _Volumes) -> Tensor:
    """The five moments of windows that reach along all axes but the last, (5, V, *S)."""
    first, *middle = volumes.axes[:-1]
    extents = [volumes.windows[0], *volumes.x.shape[2:]]
    length, how = _length(extents), _how(volumes.x.dtype)
    chunks = ceil_div(length, how["BLOCK"])
    out = torch.empty(5, volumes.count, *extents, dtype=ACCUMULATE[volumes.x.dtype], device=volumes.x.device)
    with on_device(out):
        kernel.moments[(volumes.count * chunks,)](
            volumes.x,
            volumes.y,
            volumes.x_shift,
            volumes.y_shift,
            out,
            length,
            volumes.x[0].numel(),
            volumes.inner,
            chunks,
            out[0].numel(),
            **first.weights,
            **how,
        )
    for axis in middle:
        out = _slide(out, 1, axis, back=False)
    return out


def _slide(maps: Tensor, axis: int, along: _Axis, *, back: bool) -> Tensor:
    """Weighted sums along one axis of maps (M, V, *S): over windows that lie inside, or ``back`` from windows."""
    extents = list(maps.shape)
    before = extents[2 + axis]
    extents[2 + axis] += (along.size - 1) * (1 if back else -1)
    out = maps.new_empty(extents)
    inner, how = _length(extents[3 + axis :]), _how(maps.dtype)
    with on_device(out):
        kernel.slide[(ceil_div(out.numel(), how["BLOCK"]),)](
            maps,
            out,
            out.numel(),
            before * inner,
            extents[2 + axis] * inner,
            inner,
            **along.weights,
            LEAD=along.size - 1 if back else 0,
            **how,
        )
    return out


def _gradient(volumes: _Volumes, slopes: Tensor, grad_x: Tensor, grad_y: Tensor | None) -> None:
    """Slide back along the first axis, and multiply by what the windows saw."""
    length, how = volumes.x[0].numel(), _how(volumes.x.dtype)
    chunks = ceil_div(length, how["BLOCK"])
    with on_device(slopes):
        kernel.gradient[(volumes.count * chunks,)](
            slopes,
            volumes.x,
            volumes.y,
            volumes.x_shift,
            volumes.y_shift,
            grad_x,
            grad_y,
            length,
            slopes[0, 0].numel(),
            volumes.inner,
            chunks,
            slopes[0].numel(),
            **volumes.axes[0].weights,
            **how,
        )
