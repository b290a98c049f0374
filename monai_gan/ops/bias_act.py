"""A bias per channel, an activation, a gain and a clamp, as the layers of StyleGAN2 end.

Orders of differentiation: all.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.ops._checks import check_tensors

NAME = "bias_act"
Activation = Literal["identity", "relu", "leaky_relu", "silu"]
#: Gains that keep the variance of standard normal input (Karras et al. 2020, StyleGAN2's code).
GAINS: dict[str, float] = {"identity": 1.0, "relu": math.sqrt(2), "leaky_relu": math.sqrt(2), "silu": math.sqrt(2)}


def reference(
    x: Tensor, bias: Tensor | None, activation: str, negative_slope: float, gain: float, clamp: float | None
) -> Tensor:
    """The definition in plain torch: ``clamp(gain * activation(x + bias))``. Arguments as for :func:`bias_act`."""
    if bias is not None:
        x = x + bias.to(x.dtype).reshape(-1, *(1,) * (x.ndim - 2))
    if activation == "leaky_relu":
        x = F.leaky_relu(x, negative_slope)
    elif activation == "relu":
        x = torch.relu(x)
    elif activation == "silu":
        x = F.silu(x)
    if gain != 1.0:
        x = x * gain
    return x if clamp is None else x.clamp(-clamp, clamp)


def bias_act(
    x: Tensor,
    bias: Tensor | None = None,
    *,
    activation: Activation = "leaky_relu",
    negative_slope: float = 0.2,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """Add a bias per channel, activate, multiply by a gain and clamp.

    Args:
        x: (N, C, ...), floating point.
        bias: (C,) or None; brought to the type of ``x``.
        activation: ``"identity"``, ``"relu"``, ``"leaky_relu"`` or ``"silu"``.
        negative_slope: of ``leaky_relu``.
        gain: factor after the activation; by default sqrt(2) for all but the identity, which keeps the variance of
            normal input.
        clamp: largest absolute value, above 0; None leaves the result as it is.

    Returns:
        A tensor like ``x``.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: shapes or devices do not fit, or an option is out of range.

    Example:
        >>> bias_act(torch.tensor([[-1.0, 1.0]]), torch.tensor([0.0, 1.0]), gain=1.0).tolist()
        [[-0.20000000298023224, 2.0]]
    """
    check_tensors(NAME, {"x": x}, {"bias": bias})
    if x.ndim < 2:
        raise ValueError(f"{NAME}: x has shape {tuple(x.shape)}; give (N, C, ...).")
    if bias is not None and bias.shape != x.shape[1:2]:
        raise ValueError(
            f"{NAME}: bias has shape {tuple(bias.shape)}; give one value per channel of x, shape ({x.shape[1]},)."
        )
    if activation not in get_args(Activation):
        raise ValueError(
            f"{NAME}: activation={activation!r} is unknown; choose one of {', '.join(get_args(Activation))}."
        )
    if clamp is not None and not clamp > 0:
        raise ValueError(f"{NAME}: clamp={clamp} leaves nothing; give a number above 0, or None.")
    return reference(x, bias, activation, negative_slope, GAINS[activation] if gain is None else gain, clamp)
