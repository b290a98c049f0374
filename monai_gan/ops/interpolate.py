"""Per-sample mixture of two batches, as gradient penalties need it, with given weights or freshly drawn ones.

Orders of differentiation: all.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from monai_gan.ops import dispatch
from monai_gan.ops._checks import accumulation_type, check_tensors
from monai_gan.ops._library import Operation, dense, like, plain_torch_serves
from monai_gan.ops.counter import advance, counter_uniform

NAME = "interpolate"


def reference(real: Tensor, fake: Tensor, weights: Tensor) -> Tensor:
    """The definition in plain torch: ``weights * real + (1 - weights) * fake`` per sample.

    Works in float32 or wider and rounds once. Arguments as for :func:`interpolate`.
    """
    dtype = accumulation_type(real.dtype)
    share = _per_sample(weights.to(dtype), real)
    return (share * real.to(dtype) + (1 - share) * fake.to(dtype)).to(real.dtype)


def interpolate(real: Tensor, fake: Tensor, weights: Tensor | None = None, *, state: Tensor | None = None) -> Tensor:
    """Mix two batches sample by sample: ``weights * real + (1 - weights) * fake``.

    Gulrajani et al. 2017, algorithm 1, lines 5 and 6. The arithmetic is float32 or wider; in float32 and float64 all
    backends for the CPU give the same bits. NaN and infinity propagate; an empty batch gives an empty batch.

    Args:
        real: first batch, (N, ...), floating point.
        fake: second batch with the shape, type and device of ``real``.
        weights: share of ``real`` in each sample, (N,), of the type of ``real`` or float32; usually in [0, 1].
        state: instead of weights, the state of a counter-based generator (:func:`counter_state`), which draws them
            uniformly from [0, 1) inside the operation and is advanced by one.

    Returns:
        The mixture, with the shape, type, device and layout of ``real``.

    Raises:
        TypeError: an argument is not a tensor, or types do not fit.
        ValueError: shapes or devices do not fit together, or not exactly one of ``weights`` and ``state`` is given.
        RuntimeError: a backend was asked for by name and cannot serve.

    Example:
        >>> interpolate(torch.ones(2, 1), torch.zeros(2, 1), torch.tensor([0.25, 1.0])).tolist()
        [[0.25], [1.0]]
    """
    _check(real, fake, weights, state)
    plain = torch.jit.is_tracing() or real.numel() == 0 or plain_torch_serves(NAME, real, fake, weights)
    if state is None:
        wide = cast(Tensor, weights).to(accumulation_type(real.dtype))
        return reference(real, fake, wide) if plain else _mix(real, fake, wide)  # type: ignore[no-any-return]
    mixed = reference(real, fake, counter_uniform(state, len(real))) if plain else _mix_random(real, fake, state)[0]
    advance(state)
    return mixed  # type: ignore[no-any-return]


def _check(real: Tensor, fake: Tensor, weights: Tensor | None, state: Tensor | None) -> None:
    check_tensors(NAME, {"real": real, "fake": fake}, {"weights": weights})
    if real.ndim < 1 or real.shape != fake.shape:
        raise ValueError(
            f"{NAME}: real has shape {tuple(real.shape)} and fake {tuple(fake.shape)}; "
            "give two batches of one shape (N, ...)."
        )
    if fake.dtype != real.dtype:
        raise TypeError(f"{NAME}: real is {real.dtype} and fake {fake.dtype}; convert both to one type with .to().")
    if (weights is None) == (state is None):
        given = "neither" if weights is None else "both"
        raise ValueError(f"{NAME}: of weights and state {given} is given; give exactly one of them.")
    if weights is not None:
        if weights.shape != real.shape[:1]:
            raise ValueError(
                f"{NAME}: weights has shape {tuple(weights.shape)}; "
                f"give one weight per sample, shape ({real.shape[0]},)."
            )
        if weights.dtype not in (real.dtype, accumulation_type(real.dtype)):
            raise TypeError(
                f"{NAME}: weights is {weights.dtype} and real {real.dtype}; convert weights to {real.dtype} with .to()."
            )
    if state is not None and (state.dtype != torch.int64 or state.shape != (2,) or state.device != real.device):
        raise ValueError(
            f"{NAME}: state is {state.dtype} of shape {tuple(state.shape)} on {state.device}; make it with "
            f"counter_state(seed, device='{real.device}')."
        )


def _per_sample(weights: Tensor, real: Tensor) -> Tensor:
    """(N,) to (N, 1, ...)."""
    return weights.reshape(-1, *(1,) * (real.ndim - 1))


def _mix_kernel(real: Tensor, fake: Tensor, weights: Tensor) -> Tensor:
    real = dense(real)
    kernels = dispatch.kernels(NAME, real.device.type, real.dtype)
    return kernels.forward(real, like(fake, real), weights.contiguous())  # type: ignore[no-any-return]


def _mix_random_kernel(real: Tensor, fake: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    real = dense(real)
    kernels = dispatch.kernels(NAME, real.device.type, real.dtype)
    return kernels.random(real, like(fake, real), state)  # type: ignore[no-any-return]


def _mix_fake(real: Tensor, fake: Tensor, weights: Tensor) -> Tensor:
    return torch.empty_like(dense(real))


def _mix_random_fake(real: Tensor, fake: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(dense(real)), real.new_empty(real.shape[0], dtype=accumulation_type(real.dtype))


def _save(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _save_random(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs[:2], output[1])
    ctx.mark_non_differentiable(output[1])


def _through(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    """The mixture is linear in each argument, so that its derivative in plain torch has all orders."""
    real, fake, weights = ctx.saved_tensors
    share, wide = _per_sample(weights, real), grad.to(weights.dtype)
    of_real, of_fake, of_weights = ctx.needs_input_grad
    return (
        (share * wide).to(real.dtype) if of_real else None,
        ((1 - share) * wide).to(fake.dtype) if of_fake else None,
        ((real - fake).to(weights.dtype) * wide).flatten(1).sum(1) if of_weights else None,
    )


def _through_random(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    return _through(ctx, grad)


_mix = Operation(f"{NAME}(Tensor real, Tensor fake, Tensor weights) -> Tensor", _mix_kernel, _mix_fake)
_mix_random = Operation(
    f"{NAME}_random(Tensor real, Tensor fake, Tensor state) -> (Tensor, Tensor)", _mix_random_kernel, _mix_random_fake
)
_mix.differentiate(_through, _save)
_mix_random.differentiate(_through_random, _save_random)
