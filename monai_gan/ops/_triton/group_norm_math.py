"""The arithmetic that all kernels of ``group_norm_act`` share, on tiles of (channels, positions).

Names as in ``monai_gan.ops._torch.group_norm_act``: h normalised, gy gradient at the activation's input, q = gain * gy.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def scalar(value, ACC: tl.constexpr):
    """A float64 argument in the accumulation type (the interpreter hands over a Python float)."""
    return tl.full([], value, dtype=ACC)


@triton.jit
def activated(y, SMOOTH: tl.constexpr, SLOPE: tl.constexpr):
    """phi(y). NaN stays NaN."""
    return y / (1.0 + tl.exp(-y)) if SMOOTH else tl.where(y > 0.0, y, SLOPE * y)


@triton.jit
def first_derivative(y, SMOOTH: tl.constexpr, SLOPE: tl.constexpr):
    """phi'(y)."""
    if SMOOTH:
        gate = 1.0 / (1.0 + tl.exp(-y))
        slope = gate + y * gate * (1.0 - gate)
    else:
        # Not two Python numbers, which would be float32.
        slope = tl.where(y > 0.0, scalar(1.0, y.dtype), scalar(SLOPE, y.dtype))
    return slope


@triton.jit
def second_derivative(y):
    """phi''(y) of SiLU; that of the piecewise linear activations is zero."""
    gate = 1.0 / (1.0 + tl.exp(-y))
    return gate * (1.0 - gate) * (2.0 + y * (1.0 - 2.0 * gate))


@triton.jit
def factors(gain, rstd, p, a, b, c, d, k, mean_r, mean_rh):
    """Factors per channel of the cotangents, from the means of its group.

    With the projections P = v - c - d h and Q = q - a - b h, k = mean(q P), U = g r P + p h + s, T = U grad phi''(y)
    and R = p gy + g T:  cot_x = r (R - mean(R) - h mean(R h)) - r^2 (h k + b P + d Q).

    Returns:
        What h contributes to U; what v - c, gy, h and 1 contribute to cot_x.
    """
    square = rstd * rstd
    return (
        p - gain * rstd * d,
        -square * b,
        rstd * p - square * d * gain,
        square * (2.0 * b * d - k) - rstd * mean_rh,
        square * d * a - rstd * mean_r,
    )


@triton.jit
def cotangents(
    v, grad, h, gain, shift, rstd, s, c, u_h, x_v, x_gy, x_h, x_1, SMOOTH: tl.constexpr, SLOPE: tl.constexpr
):
    """Cotangents of grad, phi'(y) U, and of x, with the factors of :func:`factors`."""
    y = gain * h + shift
    slope = first_derivative(y, SMOOTH, SLOPE)
    centred = v - c
    u = gain * rstd * centred + u_h * h + s
    cot_x = x_v * centred + x_gy * (slope * grad) + x_h * h + x_1
    if SMOOTH:
        cot_x += gain * rstd * (u * grad * second_derivative(y))
    return slope * u, cot_x
