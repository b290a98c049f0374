"""Upsample with zeros, filter, downsample, in two and three dimensions, one axis at a time.

Orders of differentiation: all. The operation is linear, and its derivative is of the same kind.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.ops._checks import check_tensors

NAME = "upfirdn"


def reference(x: Tensor, taps: Tensor, up: int, down: int, padding: tuple[int, int], gain: float) -> Tensor:
    """The definition in plain torch: zeros between the samples, padding, convolution, every ``down``-th sample.

    Along each axis with L samples, sample i of the result is the sum over j of ``taps[j] * z[down * i + k - 1 - j]``,
    where z has ``padding[0]`` zeros, the L samples each followed by ``up - 1`` zeros, and ``padding[1]`` zeros.
    Arguments as for :func:`upfirdn`.
    """
    shape, axes = x.shape, x.ndim - 2
    x = x.reshape(-1, 1, *shape[2:])
    for axis in range(axes):
        x = _along(x, taps.to(x.dtype), axis, up, down, padding, gain if axis == 0 else 1.0)
    return x.reshape(*shape[:2], *x.shape[2:])


def upfirdn(
    x: Tensor,
    taps: Tensor | Sequence[float],
    *,
    up: int = 1,
    down: int = 1,
    padding: int | tuple[int, int] = 0,
    gain: float = 1.0,
) -> Tensor:
    """Change the resolution of images or volumes with a separable filter (Karras et al. 2020, StyleGAN2).

    Args:
        x: (N, C, H, W) or (N, C, D, H, W), floating point.
        taps: the filter of every axis, (k,).
        up: each sample is followed by ``up - 1`` zeros, at least 1.
        down: every ``down``-th filtered sample is kept, at least 1.
        padding: zeros before and after each axis, counted after the upsampling; negative numbers crop.
        gain: factor of the result; ``up ** axes`` keeps the brightness of an upsampled image.

    Returns:
        (N, C, *S'), S' = (S * up + padding[0] + padding[1] - k) // down + 1.

    Raises:
        TypeError: an argument is no floating-point tensor.
        ValueError: ``x`` has other axes, taps are not (k,), a factor is below 1, or the result would be empty.

    Example:
        >>> upfirdn(torch.ones(1, 1, 2, 2), [0.5, 0.5], down=2)
        tensor([[[[1.]]]])
    """
    if not isinstance(taps, Tensor):
        taps = torch.tensor(taps, dtype=torch.float32, device=x.device)
    check_tensors(NAME, {"x": x, "taps": taps})
    before, after = (padding, padding) if isinstance(padding, int) else padding
    if x.ndim not in (4, 5):
        raise ValueError(f"{NAME}: x has shape {tuple(x.shape)}; give (N, C, H, W) or (N, C, D, H, W).")
    if taps.ndim != 1 or not len(taps):
        raise ValueError(f"{NAME}: taps has shape {tuple(taps.shape)}; give the filter of one axis, (k,).")
    for name, factor in (("up", up), ("down", down)):
        if factor < 1:
            raise ValueError(f"{NAME}: {name}={factor} is not possible; give a whole number of at least 1.")
    if min(x.shape[2:]) * up + before + after < len(taps):
        raise ValueError(
            f"{NAME}: x of shape {tuple(x.shape)} with padding=({before}, {after}) is shorter than the {len(taps)} "
            "taps; give larger images or more padding."
        )
    if up == 1:
        return _per_channel(x, taps, down, (before, after), gain)
    return reference(x, taps, up, down, (before, after), gain)


def _per_channel(x: Tensor, taps: Tensor, down: int, padding: tuple[int, int], gain: float) -> Tensor:
    """The definition without an upsampling, by convolutions per channel that keep the memory layout of ``x``."""
    line = taps.flip(0).to(x.dtype)
    plane = torch.outer(line * gain, line)
    if x.ndim == 4:
        return _filter(x, plane, (down, down), (padding, padding))
    # Planes, then across them: the gradient of a convolution per channel with three axes takes many times as long.
    n, _, depth = x.shape[:3]
    y = _filter(x.movedim(2, 1).flatten(0, 1), plane, (down, down), (padding, padding))
    y = y.unflatten(0, (n, depth)).movedim(1, 2)
    return _filter(y.flatten(3), line.unsqueeze(1), (down, 1), (padding, (0, 0))).unflatten(3, y.shape[3:])


def _filter(
    x: Tensor, kernel: Tensor, down: tuple[int, int], padding: tuple[tuple[int, int], tuple[int, int]]
) -> Tensor:
    """Filter (N, C, H, W) by (h, w), with steps and padding of both axes."""
    if any(before != after or before < 0 for before, after in padding):
        x = F.pad(x, (*padding[1], *padding[0]))
        padding = ((0, 0), (0, 0))
    # On a CPU the gradient of a strided convolution per channel takes ten times as long as that of a dense one.
    stride = (1, 1) if x.device.type == "cpu" else down
    channels = x.shape[1]
    kernels = kernel.expand(channels, 1, *kernel.shape)
    y = F.conv2d(x, kernels, stride=stride, padding=(padding[0][0], padding[1][0]), groups=channels)
    return y if stride == down else y[:, :, :: down[0], :: down[1]]


def _along(x: Tensor, taps: Tensor, axis: int, up: int, down: int, padding: tuple[int, int], gain: float) -> Tensor:
    """Filter (M, 1, *S) along one axis."""
    axes, k = x.ndim - 2, len(taps)
    taps = taps * gain if gain != 1.0 else taps
    at = [1] * axes
    at[axis] = k
    # F.pad counts axes from the last one.
    after_axis = [0, 0] * (axes - 1 - axis)
    if up == 1:
        convolve = (F.conv2d, F.conv3d)[axes - 2]
        x = F.pad(x, [*after_axis, *padding]) if any(padding) else x
        stride = [down if one == axis else 1 for one in range(axes)]
        return convolve(x, taps.flip(0).reshape(1, 1, *at), stride=stride)
    spread = (F.conv_transpose2d, F.conv_transpose3d)[axes - 2]
    stride = [up if one == axis else 1 for one in range(axes)]
    extra = [up - 1 if one == axis else 0 for one in range(axes)]
    x = spread(x, taps.reshape(1, 1, *at), stride=stride, output_padding=extra)
    x = F.pad(x, [*after_axis, padding[0] - k + 1, padding[1] - k + 1])
    return x if down == 1 else x[(slice(None),) * (2 + axis) + (slice(None, None, down),)]
