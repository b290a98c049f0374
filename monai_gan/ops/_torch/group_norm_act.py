"""Normalisation and activation, its backward and the backward of that, as closed forms in plain torch.

Per group of N elements with mean mu and r = (variance + eps)^(-1/2), per channel gain g and shift b:

    h = (x - mu) r,   y = g h + b,   z = phi(y),   m = phi'(y)

Every function works in float32 or wider and gives full-size results in the type of ``x``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.ops._checks import accumulation_type


def forward(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, num_groups: int, eps: float, smooth: bool, slope: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise and activate.

    Args:
        x: (N, C, *S), not empty.
        weight, bias: (C,) in the accumulation type, or None for 1 and 0.
        num_groups: groups of channels that share statistics; divides C.
        eps: added to the variance.
        smooth: SiLU if true.
        slope: otherwise phi(y) is y where positive and ``slope * y`` elsewhere.

    Returns:
        z like ``x``; mu and r, (N, num_groups), in the accumulation type.
    """
    groups = _wide(x).unflatten(1, (num_groups, -1)).flatten(2)
    variance, mean = torch.var_mean(groups, dim=2, correction=0)
    rstd = torch.rsqrt(variance + eps)
    y = _affine(_normalised(x, mean, rstd), weight, bias)
    return _like(torch.nn.functional.silu(y) if smooth else torch.where(y > 0, y, slope * y), x), mean, rstd


def backward(
    grad: Tensor,
    x: Tensor,
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    num_groups: int,
    smooth: bool,
    slope: float,
    parameters: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Derivatives for the incoming gradient dz, with q = g m dz and means over a group:

        dx = r (q - mean(q) - h mean(q h)),   dg = sum m dz h,   db = sum m dz

    Args:
        grad: dz, like ``x``.
        x, mean, rstd, weight, bias, num_groups, smooth, slope: of the forward pass.
        parameters: whether dg and db are asked for.

    Returns:
        dx like ``x``; dg and db, (C,), empty where they were not asked for.
    """
    h = _normalised(x, mean, rstd)
    gy = _wide(grad) * _slopes(_affine(h, weight, bias), smooth, slope)[0]
    q = _affine(gy, weight, None)
    r = _spread(rstd, x)
    grad_x = r * (q - _group_mean(q, num_groups) - h * _group_mean(q * h, num_groups))
    if not parameters:
        empty = mean.new_empty(0)
        return _like(grad_x, x), empty, empty.clone()
    return _like(grad_x, x), _channel_sum(gy * h), _channel_sum(gy)


def double_backward(
    v: Tensor,
    p: Tensor | None,
    s: Tensor | None,
    grad: Tensor,
    x: Tensor,
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    num_groups: int,
    smooth: bool,
    slope: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Derivatives of ``<v, dx> + <p, dg> + <s, db>``, through mu and r as well.

    With the means a = mean(q), b = mean(q h), c = mean(v), d = mean(v h), e = mean(v q), and m' = phi''(y):

        U = g r (v - c - d h) + p h + s            T = U dz m'
        H = -r (b v + d q) + p m dz + g T
        to dz: m U                                 to x: r (H - mean(H) - h mean(H h)) - r^2 h (e - a c - b d)
        to g: sum m dz r (v - c - d h) + T h       to b: sum T

    Args:
        v: cotangent of dx, like ``x``.
        p, s: cotangents of dg and db, (C,), or None for zero.
        grad, x, mean, rstd, weight, bias, num_groups, smooth, slope: of the backward pass.

    Returns:
        Cotangents of dz and x, like ``x``, and of g and b, (C,).
    """
    h = _normalised(x, mean, rstd)
    dz, v = _wide(grad), _wide(v)
    first, second = _slopes(_affine(h, weight, bias), smooth, slope)
    gy = first * dz
    q = _affine(gy, weight, None)
    r = _spread(rstd, x)
    a, b, c, d, e = (_group_mean(value, num_groups) for value in (q, q * h, v, v * h, v * q))
    projected = r * (v - c - d * h)
    u = _affine(projected, weight, None)
    if p is not None:
        u = u + _channels(p, x) * h
    if s is not None:
        u = u + _channels(s, x)
    t = u * dz * second
    big_h = -r * (b * v + d * q) + _affine(t, weight, None)
    if p is not None:
        big_h = big_h + _channels(p, x) * gy
    to_x = r * (big_h - _group_mean(big_h, num_groups) - h * _group_mean(big_h * h, num_groups))
    to_x = to_x - r * r * h * (e - a * c - b * d)
    return _like(first * u, x), _like(to_x, x), _channel_sum(gy * projected + t * h), _channel_sum(t)


def _wide(x: Tensor) -> Tensor:
    return x.to(accumulation_type(x.dtype))


def _like(value: Tensor, x: Tensor) -> Tensor:
    """In the type and the memory layout of ``x``."""
    return torch.empty_like(x).copy_(value)


def _spread(statistic: Tensor, x: Tensor) -> Tensor:
    """(N, groups) to (N, C, 1, ...)."""
    per_channel = statistic.repeat_interleave(x.shape[1] // statistic.shape[1], dim=1)
    return per_channel.reshape(*per_channel.shape, *(1,) * (x.ndim - 2))


def _channels(values: Tensor, x: Tensor) -> Tensor:
    """(C,) to (1, C, 1, ...)."""
    return values.reshape(1, -1, *(1,) * (x.ndim - 2))


def _normalised(x: Tensor, mean: Tensor, rstd: Tensor) -> Tensor:
    return (_wide(x) - _spread(mean, x)) * _spread(rstd, x)


def _affine(h: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    if weight is not None:
        h = h * _channels(weight, h)
    return h if bias is None else h + _channels(bias, h)


def _slopes(y: Tensor, smooth: bool, slope: float) -> tuple[Tensor, Tensor]:
    """First and second derivative of the activation."""
    if smooth:
        gate = torch.sigmoid(y)
        bump = gate * (1 - gate)
        return gate + y * bump, bump * (2 + y * (1 - 2 * gate))
    one = torch.ones_like(y)
    # A NaN is neither side's: it stays one.
    return torch.where(y > 0, one, torch.where(y <= 0, slope * one, y)), torch.zeros_like(y)


def _group_mean(value: Tensor, num_groups: int) -> Tensor:
    means = value.unflatten(1, (num_groups, -1)).flatten(2).mean(dim=2)
    return _spread(means, value)


def _channel_sum(value: Tensor) -> Tensor:
    return value.transpose(0, 1).flatten(1).sum(dim=1)
