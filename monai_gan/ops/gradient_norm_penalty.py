"""The penalty on the norms of a batch of gradients.

Orders of differentiation: the value, first and second derivatives by closed forms; plain torch gives any order.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from monai_gan.ops import dispatch
from monai_gan.ops._checks import accumulation_type, check_tensors
from monai_gan.ops._library import Operation, dense, like, plain_torch_serves

Kind = Literal["two_sided", "one_sided", "r1", "r2"]
NAME = "gradient_norm_penalty"
#: What the kernels call the kinds; the last two differ only in where the gradient was taken.
_CODES = {"two_sided": 0, "one_sided": 1, "r1": 2, "r2": 2}


def reference(grad: Tensor, kind: str = "two_sided", weight: float = 10.0, target: float = 1.0) -> Tensor:
    """The definition in plain torch; arguments as for :func:`gradient_norm_penalty`."""
    rows = grad.flatten(1).to(accumulation_type(grad.dtype))
    squares = rows.square().sum(1)
    if kind in ("r1", "r2"):
        return weight * 0.5 * squares.mean()
    # The root has no derivative at zero, where the penalty shall have none either; a NaN has to come through.
    zero = squares == 0
    excess = torch.where(zero, 0.0, torch.where(zero, 1.0, squares).sqrt()) - target
    return weight * (excess.relu() if kind == "one_sided" else excess).square().mean()


def gradient_norm_penalty(
    grad: Tensor, *, kind: Kind = "two_sided", weight: float = 10.0, target: float = 1.0
) -> Tensor:
    """Penalise the Euclidean norms n of the gradients of the samples of a batch.

    The value is ``weight`` times the mean over the batch of

    - ``two_sided``: (n - target)^2 (Gulrajani et al. 2017, equation 3);
    - ``one_sided``: max(0, n - target)^2 (the same paper, section 4; Petzka et al. 2018);
    - ``r1``, ``r2``: n^2 / 2 (Mescheder et al. 2018, equations 9 and 10).

    Norms are summed in float32 or wider. Where a gradient is zero the penalty is finite, and its own gradient is zero.
    NaN propagates.

    Args:
        grad: gradients (N, ...), one per sample, N of at least 1.
        kind: one of the four.
        weight: factor of the mean.
        target: norm that the first two kinds ask for.

    Returns:
        A scalar in float32 or the type of ``grad`` if that is wider.

    Raises:
        TypeError: ``grad`` is no floating-point tensor.
        ValueError: ``grad`` is empty or has no axis beside the batch, or ``kind`` is unknown.
        RuntimeError: a backend was asked for by name and cannot serve; or a third derivative is asked of a fused form.

    Example:
        >>> float(gradient_norm_penalty(torch.tensor([[3.0, 4.0]]), weight=1.0))
        16.0
    """
    if torch.jit.is_tracing():
        return reference(grad, kind, weight, target)
    check_tensors(NAME, {"grad": grad})
    if grad.ndim < 2 or 0 in grad.shape:
        raise ValueError(
            f"{NAME}: grad has shape {tuple(grad.shape)}; give (N, ...) with at least one sample and one value in each."
        )
    if kind not in get_args(Kind):
        raise ValueError(f"{NAME}: kind='{kind}' is not known; choose one of {', '.join(get_args(Kind))}.")
    if plain_torch_serves(NAME, grad):
        return reference(grad, kind, weight, target)
    return _forward(grad, _CODES[kind], float(weight), float(target))[0]  # type: ignore[no-any-return]


def _forward_kernel(grad: Tensor, *options: Any) -> tuple[Tensor, Tensor]:
    return _kernels(grad).forward(dense(grad), *options)  # type: ignore[no-any-return]


def _backward_kernel(out_grad: Tensor, grad: Tensor, *rest: Any) -> Tensor:
    return _kernels(grad).backward(out_grad, dense(grad), *rest)  # type: ignore[no-any-return]


def _double_backward_kernel(u: Tensor, out_grad: Tensor, grad: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    grad = dense(grad)
    return _kernels(grad).double_backward(like(u, grad), out_grad, grad, *rest)  # type: ignore[no-any-return]


def _kernels(grad: Tensor) -> Any:
    return dispatch.kernels(NAME, grad.device.type, grad.dtype)


def _forward_fake(grad: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    dtype = accumulation_type(grad.dtype)
    return grad.new_empty((), dtype=dtype), grad.new_empty(grad.shape[0], dtype=dtype)


def _backward_fake(out_grad: Tensor, grad: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(dense(grad))


def _double_backward_fake(u: Tensor, out_grad: Tensor, grad: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    return torch.empty_like(out_grad), torch.empty_like(dense(grad))


def _save_forward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    grad, *options = inputs
    ctx.save_for_backward(grad, output[1])
    ctx.options = options
    # What depends on the gradient through the norms is in the closed forms.
    ctx.mark_non_differentiable(output[1])


def _through_forward(ctx: Any, out_grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    return _backward(out_grad, *ctx.saved_tensors, *ctx.options), None, None, None


def _save_backward(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    out_grad, grad, norms, *options = inputs
    ctx.save_for_backward(out_grad, grad, norms)
    ctx.options = options


def _through_backward(ctx: Any, u: Tensor) -> tuple[Tensor | None, ...]:
    return *_double_backward(u, *ctx.saved_tensors, *ctx.options), None, None, None, None


_OPTIONS = "int kind, float weight, float target"
_forward = Operation(f"{NAME}(Tensor grad, {_OPTIONS}) -> (Tensor, Tensor)", _forward_kernel, _forward_fake)
_backward = Operation(
    f"{NAME}_backward(Tensor out_grad, Tensor grad, Tensor norms, {_OPTIONS}) -> Tensor",
    _backward_kernel,
    _backward_fake,
)
_double_backward = Operation(
    f"{NAME}_double_backward(Tensor u, Tensor out_grad, Tensor grad, Tensor norms, {_OPTIONS}) -> (Tensor, Tensor)",
    _double_backward_kernel,
    _double_backward_fake,
)
_forward.differentiate(_through_forward, _save_forward)
_backward.differentiate(_through_backward, _save_backward)
_double_backward.end(f"{NAME}: the fused form has no third derivative; use monai_gan.ops.use_backend('torch').")
