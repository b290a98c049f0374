"""Group normalisation and activation in one operation, for images and volumes.

Orders of differentiation: the value (Wu and He 2018, equations 1, 2 and 6), first and second derivatives by closed
forms; plain torch gives any order.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.ops import dispatch
from monai_gan.ops._checks import accumulation_type, check_tensors
from monai_gan.ops._library import Operation, dense, like, plain_torch_serves
from monai_gan.ops._scope import asked_for_input_only

Activation = Literal["leaky_relu", "relu", "silu", "identity"]
NAME = "group_norm_act"


def reference(
    x: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    activation: str = "leaky_relu",
    negative_slope: float = 0.2,
) -> Tensor:
    """The definition in plain torch: ``activation(F.group_norm(x, num_groups, weight, bias, eps))``.

    Works in float32 or wider and rounds once. Arguments as for :func:`group_norm_act`.
    """
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    if weight is not None:
        weight = weight.to(dtype)
    if bias is not None:
        bias = bias.to(dtype)
    y = F.group_norm(x.to(dtype), num_groups, weight, bias, eps)
    if activation == "leaky_relu":
        y = F.leaky_relu(y, negative_slope)
    elif activation == "relu":
        y = F.relu(y)
    elif activation == "silu":
        y = F.silu(y)
    return y.to(x.dtype)


def group_norm_act(
    x: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    eps: float = 1e-5,
    activation: str = "leaky_relu",
    negative_slope: float = 0.2,
) -> Tensor:
    """Normalise groups of channels to zero mean and unit variance per sample, scale and shift, activate.

    ``num_groups`` equal to the channels is instance normalisation, 1 is layer normalisation over (C, *S). Statistics
    and arithmetic are float32 or wider whatever the type of ``x``; under autocast the type of ``x`` stays. Contiguous
    and channels-last layouts are kept. NaN and infinity propagate within their group; an empty batch gives an empty
    batch. Differentiable twice in all tensors through the fused backends, any number of times through plain torch,
    which also serves tracing, forward-mode derivatives and ``vmap``. TorchScript takes
    :class:`monai_gan.networks.blocks.GroupNormAct`, or :func:`reference` in code of your own.

    Args:
        x: images or volumes (N, C, *S); vectors (N, C) count as one pixel.
        num_groups: divides C.
        weight: gain per channel (C,), of the type of ``x`` or float32; None for 1.
        bias: shift per channel (C,), likewise; None for 0.
        eps: added to the variance, above 0.
        activation: ``"leaky_relu"``, ``"relu"``, ``"silu"`` or ``"identity"``.
        negative_slope: of ``"leaky_relu"``.

    Returns:
        The activated tensor, (N, C, *S), with the type and layout of ``x``.

    Raises:
        TypeError: an argument is no tensor or has a type that does not fit.
        ValueError: shapes, devices or options do not fit.
        RuntimeError: a backend was asked for by name and cannot serve; or a third derivative is asked of a fused form.

    Example:
        >>> image = torch.randn(2, 8, 16, 16)
        >>> torch.equal(group_norm_act(image, 8, activation="relu"), group_norm_act(image, 8, negative_slope=0.0))
        True
    """
    if torch.jit.is_tracing():
        return reference(x, num_groups, weight, bias, eps, activation, negative_slope)
    if isinstance(x, Tensor) and x.ndim == 2:
        y = group_norm_act(
            x.unsqueeze(2),
            num_groups,
            weight,
            bias,
            eps=eps,
            activation=activation,
            negative_slope=negative_slope,
        )
        return y.squeeze(2)
    _check(x, weight, bias)
    check_options(x.shape[1], num_groups, eps, activation)
    if x.shape[0] == 0 or plain_torch_serves(NAME, x, weight, bias):
        return reference(x, num_groups, weight, bias, eps, activation, negative_slope)
    dtype = accumulation_type(x.dtype)
    smooth, slope = _shape_of(activation, negative_slope)
    weight = None if weight is None else weight.to(dtype)
    bias = None if bias is None else bias.to(dtype)
    return _forward(x, weight, bias, num_groups, float(eps), smooth, slope)[0]


def _shape_of(activation: str, negative_slope: float) -> tuple[bool, float]:
    """Whether the activation is SiLU, and the slope of a piecewise-linear one."""
    slopes = {"leaky_relu": float(negative_slope), "relu": 0.0, "identity": 1.0, "silu": 0.0}
    return activation == "silu", slopes[activation]


def check_options(channels: int, num_groups: int, eps: float, activation: str) -> None:
    """Refuse options that no input can make right.

    Raises:
        ValueError: the groups do not divide the channels, ``eps`` is not positive or the activation is unknown.
    """
    if num_groups < 1 or channels < 1 or channels % num_groups:
        raise ValueError(f"{NAME}: num_groups={num_groups} does not divide {channels} channels; give a divisor.")
    if not eps > 0:
        raise ValueError(f"{NAME}: eps={eps} lets a constant group divide by zero; give a value above 0, such as 1e-5.")
    if activation not in get_args(Activation):
        raise ValueError(f"{NAME}: activation='{activation}' is unknown; choose {', '.join(get_args(Activation))}.")


def _check(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> None:
    check_tensors(NAME, {"x": x}, {"weight": weight, "bias": bias})
    if x.ndim < 3 or 0 in x.shape[1:]:
        raise ValueError(
            f"{NAME}: x has shape {tuple(x.shape)}; give (N, C, *S) with at least one channel and one pixel."
        )
    for name, values in (("weight", weight), ("bias", bias)):
        if values is None:
            continue
        if values.shape != x.shape[1:2]:
            raise ValueError(
                f"{NAME}: {name} has shape {tuple(values.shape)}; give one value per channel, shape ({x.shape[1]},)."
            )
        if values.dtype not in (x.dtype, accumulation_type(x.dtype)):
            raise TypeError(
                f"{NAME}: {name} is {values.dtype} and x {x.dtype}; convert {name} to {x.dtype} or "
                f"{accumulation_type(x.dtype)} with .to()."
            )


def _forward_kernel(x: Tensor, weight: Tensor | None, bias: Tensor | None, *options: Any) -> tuple[Tensor, ...]:
    kernels = dispatch.kernels(NAME, x.device.type, x.dtype)
    return kernels.forward(dense(x), _flat(weight), _flat(bias), *options)  # type: ignore[no-any-return]


def _backward_kernel(
    grad: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor | None, bias: Tensor | None, *options: Any
) -> tuple[Tensor, ...]:
    kernels, x = dispatch.kernels(NAME, x.device.type, x.dtype), dense(x)
    statistics = mean.contiguous(), rstd.contiguous()
    return kernels.backward(like(grad, x), x, *statistics, _flat(weight), _flat(bias), *options)  # type: ignore[no-any-return]


def _double_backward_kernel(
    v: Tensor,
    p: Tensor | None,
    s: Tensor | None,
    grad: Tensor,
    x: Tensor,
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    *options: Any,
) -> tuple[Tensor, ...]:
    kernels, x = dispatch.kernels(NAME, x.device.type, x.dtype), dense(x)
    cotangents = like(v, x), _flat(p), _flat(s)
    saved = like(grad, x), x, mean.contiguous(), rstd.contiguous()
    return kernels.double_backward(*cotangents, *saved, _flat(weight), _flat(bias), *options)  # type: ignore[no-any-return]


def _flat(values: Tensor | None) -> Tensor | None:
    return None if values is None else values.contiguous()


def _forward_fake(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, num_groups: int, *_: Any
) -> tuple[Tensor, ...]:
    statistics = x.new_empty(x.shape[0], num_groups, dtype=accumulation_type(x.dtype))
    return torch.empty_like(dense(x)), statistics, torch.empty_like(statistics)


def _backward_fake(grad: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    parameters = mean.new_empty(x.shape[1] if rest[-1] else 0)
    return torch.empty_like(dense(x)), parameters, torch.empty_like(parameters)


def _double_backward_fake(
    v: Tensor, p: Tensor | None, s: Tensor | None, grad: Tensor, x: Tensor, mean: Tensor, *_: Any
) -> tuple[Tensor, ...]:
    full, parameters = torch.empty_like(dense(x)), mean.new_empty(x.shape[1])
    return full, torch.empty_like(full), parameters, torch.empty_like(parameters)


def _save_forward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, weight, bias, num_groups, _, smooth, slope = inputs
    _, mean, rstd = output
    ctx.save_for_backward(x, mean, rstd, weight, bias)
    ctx.options = num_groups, smooth, slope
    # What depends on x through them is in the closed forms of x.
    ctx.mark_non_differentiable(mean, rstd)
    ctx.set_materialize_grads(False)


def _through_forward(ctx: Any, grad: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    nothing = (None,) * 4
    if grad is None:
        return None, None, None, *nothing
    _, of_weight, of_bias, *_rest = ctx.needs_input_grad
    parameters = (of_weight or of_bias) and not asked_for_input_only()
    to_x, to_weight, to_bias = _backward(grad, *ctx.saved_tensors, *ctx.options, parameters)
    return to_x, to_weight if parameters and of_weight else None, to_bias if parameters and of_bias else None, *nothing


def _save_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    grad, x, mean, rstd, weight, bias, *options, parameters = inputs
    ctx.save_for_backward(grad, x, mean, rstd, weight, bias)
    ctx.options = options
    ctx.set_materialize_grads(False)
    if not parameters:
        ctx.mark_non_differentiable(*output[1:])


def _through_backward(ctx: Any, v: Tensor | None, p: Tensor | None, s: Tensor | None) -> tuple[Tensor | None, ...]:
    nothing = (None,) * 4
    if v is None and p is None and s is None:
        return None, None, None, None, None, None, *nothing
    x = ctx.saved_tensors[1]
    v = torch.zeros_like(x) if v is None else v
    to_grad, to_x, to_weight, to_bias = _double_backward(v, p, s, *ctx.saved_tensors, *ctx.options)
    weight, bias = ctx.saved_tensors[4:]
    return to_grad, to_x, None, None, None if weight is None else to_weight, None if bias is None else to_bias, *nothing


_SAVED = "Tensor grad, Tensor x, Tensor mean, Tensor rstd, Tensor? weight, Tensor? bias, int num_groups"
_forward = Operation(
    f"{NAME}(Tensor x, Tensor? weight, Tensor? bias, int num_groups, float eps, bool smooth, float slope)"
    " -> (Tensor, Tensor, Tensor)",
    _forward_kernel,
    _forward_fake,
)
_backward = Operation(
    f"{NAME}_backward({_SAVED}, bool smooth, float slope, bool parameters) -> (Tensor, Tensor, Tensor)",
    _backward_kernel,
    _backward_fake,
)
_double_backward = Operation(
    f"{NAME}_double_backward(Tensor v, Tensor? p, Tensor? s, {_SAVED}, bool smooth, float slope)"
    " -> (Tensor, Tensor, Tensor, Tensor)",
    _double_backward_kernel,
    _double_backward_fake,
)
_forward.differentiate(_through_forward, _save_forward)
_backward.differentiate(_through_backward, _save_backward)
_double_backward.end(f"{NAME}: the fused form has no third derivative; use monai_gan.ops.use_backend('torch').")
