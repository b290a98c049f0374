"""A convolution whose kernel is scaled per sample by a style, and whose output is brought back to unit variance.

Orders of differentiation: all.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.ops._checks import accumulation_type, check_tensors
from monai_gan.ops.upfirdn import upfirdn

NAME = "modulated_conv"
Form = Literal["auto", "fold", "grouped"]
EPSILON = 1e-8


def reference(
    x: Tensor,
    weight: Tensor,
    style: Tensor,
    kernel: Tensor,
    noise: Tensor | None,
    demodulate: bool,
    up: int,
    gain: float,
    taps: Tensor | None = None,
) -> Tensor:
    """The definition in plain torch, as a grouped convolution with a kernel per sample.

    Karras et al. 2020, equations 1 and 3. Arguments as for :func:`modulated_conv`.
    """
    n = len(x)
    scale = style.reshape(n, 1, -1, *(1,) * (x.ndim - 2))
    kernels = kernel.unsqueeze(0) * scale
    if demodulate:
        kernels = kernels * (_demodulation(weight, style) * gain).reshape(n, -1, *(1,) * (x.ndim - 1))
    elif gain != 1.0:
        kernels = kernels * gain
    out, size = kernels.shape[1], kernels.shape[3:]
    joined = x.reshape(1, -1, *x.shape[2:])
    if up == 1:
        y = _convolve(joined, kernels.reshape(-1, *kernels.shape[2:]).to(x.dtype), up, taps, groups=n)
    else:
        # A transposed convolution wants (N * I, O, *k).
        y = _convolve(joined, kernels.transpose(1, 2).reshape(-1, out, *size).to(x.dtype), up, taps, groups=n)
    y = y.reshape(n, out, *y.shape[2:])
    return y if noise is None else y + noise.to(y.dtype)


def folded(
    x: Tensor,
    weight: Tensor,
    style: Tensor,
    kernel: Tensor,
    noise: Tensor | None,
    demodulate: bool,
    up: int,
    gain: float,
    taps: Tensor | None = None,
) -> Tensor:
    """The same with the style folded into the input and the demodulation into the output of one shared convolution."""
    ones = (1,) * (x.ndim - 2)
    if not demodulate and gain != 1.0:
        style = style * gain
    x = x * style.to(x.dtype).reshape(*style.shape, *ones)
    y = _convolve(x, (kernel if up == 1 else kernel.transpose(0, 1)).to(x.dtype), up, taps)
    if not demodulate:
        return y if noise is None else y + noise.to(y.dtype)
    scale = (_demodulation(weight, style) * gain).to(y.dtype).reshape(len(x), -1, *ones)
    return y * scale if noise is None else torch.addcmul(noise.to(y.dtype), y, scale)


def modulated_conv(
    x: Tensor,
    weight: Tensor,
    style: Tensor,
    *,
    kernel: Tensor | None = None,
    taps: Tensor | None = None,
    noise: Tensor | None = None,
    demodulate: bool = True,
    up: int = 1,
    gain: float = 1.0,
    form: Form = "auto",
) -> Tensor:
    """Convolve each sample with its own scaled kernel (Karras et al. 2020, equations 1 and 3).

    With the style s of a sample, its kernel is ``w'[o, i] = s[i] * w[o, i]``, with demodulation divided by the square
    root of the sum of ``w'[o]`` squared. The output has the size of the input, or ``up`` times that.

    Args:
        x: (N, I, *S), two or three spatial axes.
        weight: (O, I, *k), k odd; what the demodulation is computed from.
        style: (N, I).
        kernel: the kernel that is applied, if it is not ``weight``: ``weight`` joined with the filter of an
            upsampling, (O, I, *k'), k' even.
        taps: the filter of an upsampling along each axis, (k,), k even, applied after the transposed convolution; for
            ``up=2`` without a ``kernel`` that holds it.
        noise: added to the result, after the gain, and broadcast to it.
        demodulate: whether outputs are brought back to unit variance.
        up: 1, or 2 for a transposed convolution.
        gain: factor of the convolution.
        form: ``"fold"``: one convolution with styles folded into its input and output; ``"grouped"``: one group per
            sample; ``"auto"`` chooses.

    Returns:
        (N, O, *S) or (N, O, *2S).

    Raises:
        TypeError: an argument is no floating-point tensor.
        ValueError: shapes, devices or options do not fit.

    Example:
        >>> modulated_conv(torch.ones(1, 2, 4, 4), torch.ones(3, 2, 1, 1), torch.ones(1, 2)).shape
        torch.Size([1, 3, 4, 4])
    """
    check_tensors(NAME, {"x": x, "weight": weight, "style": style}, {"kernel": kernel, "taps": taps, "noise": noise})
    kernel = weight if kernel is None else kernel
    if x.ndim not in (4, 5) or weight.ndim != x.ndim or kernel.ndim != x.ndim:
        raise ValueError(
            f"{NAME}: x {tuple(x.shape)}, weight {tuple(weight.shape)} and kernel {tuple(kernel.shape)} must all have "
            "two or three spatial axes, (N, I, *S) and (O, I, *k)."
        )
    if weight.shape[1] != x.shape[1] or kernel.shape[:2] != weight.shape[:2] or style.shape != x.shape[:2]:
        raise ValueError(
            f"{NAME}: x {tuple(x.shape)}, weight {tuple(weight.shape)}, kernel {tuple(kernel.shape)} and style "
            f"{tuple(style.shape)} do not fit; give (N, I, *S), (O, I, *k), (O, I, *k') and (N, I)."
        )
    if taps is not None and (up != 2 or taps.ndim != 1 or len(taps) % 2):
        raise ValueError(
            f"{NAME}: taps of shape {tuple(taps.shape)} do not fit up={up}; give (k,) with an even k, and up=2."
        )
    odd = up == 1 or taps is not None
    # While a network is traced, sizes are tensors.
    if up not in (1, 2) or any(int(size) % 2 != odd for size in kernel.shape[2:]):
        raise ValueError(
            f"{NAME}: up={up} does not fit a kernel of size {tuple(kernel.shape[2:])}; up=1 takes odd sizes, "
            "up=2 even ones, or odd ones with taps."
        )
    if form not in ("auto", "fold", "grouped"):
        raise ValueError(f"{NAME}: form={form!r} is unknown; choose auto, fold or grouped.")
    compute = reference if form == "grouped" else folded
    return compute(x, weight, style, kernel, noise, demodulate, up, gain, taps)


def _demodulation(weight: Tensor, style: Tensor) -> Tensor:
    """1 / norm of each output's scaled kernel, (N, O), in float32 or wider: in half precision the sum would be poor."""
    dtype = accumulation_type(weight.dtype)
    with torch.autocast(weight.device.type, enabled=False):
        energy = weight.to(dtype).square().flatten(2).sum(2)
        return (style.to(dtype).square() @ energy.t() + EPSILON).rsqrt()


def _convolve(x: Tensor, kernel: Tensor, up: int, taps: Tensor | None, groups: int = 1) -> Tensor:
    axes, sizes = x.ndim - 2, kernel.shape[2:]
    if up == 1:
        convolve = (F.conv2d, F.conv3d)[axes - 2]
        return convolve(x, kernel, padding=[size // 2 for size in sizes], groups=groups)
    spread = (F.conv_transpose2d, F.conv_transpose3d)[axes - 2]
    if taps is None:
        return spread(x, kernel, stride=up, padding=[size // 2 - 1 for size in sizes], groups=groups)
    padding = (len(taps) + 1 - int(sizes[0])) // 2
    return upfirdn(spread(x, kernel, stride=up, groups=groups), taps, padding=padding)
