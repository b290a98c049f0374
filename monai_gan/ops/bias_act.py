"""A bias per channel, an activation, a gain and a clamp, as the layers of StyleGAN2 end.

Orders of differentiation: all. The fused form keeps the result alone, which tells the derivative of a piecewise-linear
activation; SiLU stays in plain torch.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.ops import dispatch
from monai_gan.ops._checks import accumulation_type, check_tensors
from monai_gan.ops._library import Operation, dense, like, plain_torch_serves
from monai_gan.ops._scope import asked_for_input_only

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
        RuntimeError: a backend was asked for by name and cannot serve.

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
    gain = GAINS[activation] if gain is None else float(gain)
    slope = {"identity": 1.0, "relu": 0.0}.get(activation, float(negative_slope))
    # The result's sign tells the derivative only if the activation keeps the sign.
    piecewise = activation != "silu" and slope >= 0 and gain > 0
    plain = torch.jit.is_tracing() or x.numel() == 0 or not piecewise
    if plain or plain_torch_serves(NAME, x, bias):
        return reference(x, bias, activation, negative_slope, gain, clamp)
    # Rounded as the result is, so that what was clamped is recognised by its value.
    limit = 0.0 if clamp is None else torch.tensor(clamp, dtype=x.dtype).item()
    return _forward(x, bias, slope, gain, limit)  # type: ignore[no-any-return]


def _kernel(x: Tensor, bias: Tensor | None, slope: float, gain: float, clamp: float) -> Tensor:
    x = dense(x)
    bias = None if bias is None else bias.contiguous()
    return dispatch.kernels(NAME, x.device.type, x.dtype).forward(x, bias, slope, gain, clamp)  # type: ignore[no-any-return]


def _fake(x: Tensor, bias: Tensor | None, slope: float, gain: float, clamp: float) -> Tensor:
    return torch.empty_like(dense(x))


def _pull_kernel(grad: Tensor, y: Tensor, slope: float, gain: float, clamp: float) -> Tensor:
    y = dense(y)
    kernels = dispatch.kernels(NAME, y.device.type, y.dtype)
    return kernels.backward(like(grad, y), y, slope, gain, clamp)  # type: ignore[no-any-return]


def _pull_fake(grad: Tensor, y: Tensor, slope: float, gain: float, clamp: float) -> Tensor:
    return torch.empty_like(dense(y))


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    # The result tells the derivative, and the next layer keeps it anyway: the input need not be kept.
    ctx.save_for_backward(output)
    ctx.bias_type = None if inputs[1] is None else inputs[1].dtype
    ctx.options = inputs[2:]


def _through(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    (y,) = ctx.saved_tensors
    of_x = _pull(grad, y, *ctx.options)
    of_bias = None
    if ctx.bias_type is not None and ctx.needs_input_grad[1] and not asked_for_input_only():
        axes = [axis for axis in range(y.ndim) if axis != 1]
        of_bias = of_x.sum(axes, dtype=accumulation_type(y.dtype)).to(ctx.bias_type)
    return of_x if ctx.needs_input_grad[0] else None, of_bias, None, None, None


def _save_pull(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(inputs[1])
    ctx.options = inputs[2:]


def _through_pull(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    """Linear in the cotangent and piecewise constant in the result: the derivative is the operation itself."""
    (y,) = ctx.saved_tensors
    return _pull(grad, y, *ctx.options) if ctx.needs_input_grad[0] else None, None, None, None, None


_OPTIONS = "float slope, float gain, float clamp"
_forward = Operation(f"{NAME}(Tensor x, Tensor? bias, {_OPTIONS}) -> Tensor", _kernel, _fake)
_pull = Operation(f"{NAME}_backward(Tensor grad, Tensor y, {_OPTIONS}) -> Tensor", _pull_kernel, _pull_fake)
_forward.differentiate(_through, _save)
_pull.differentiate(_through_pull, _save_pull)
