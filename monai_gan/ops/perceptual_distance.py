"""The distance between two sets of feature maps that LPIPS is made of, for images and volumes.

Orders of differentiation: the value (Zhang et al. 2018, equation 1) and first derivatives by closed forms; plain torch
gives any order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from monai_gan.ops import _functorch, dispatch
from monai_gan.ops._checks import accumulation_type, check_tensors
from monai_gan.ops._library import Operation, dense, like, plain_torch_serves
from monai_gan.ops._scope import asked_for_input_only

NAME = "perceptual_distance"
REFUSAL = f"{NAME}: the fused form has no second derivative; use monai_gan.ops.use_backend('torch')."

_Layer = tuple[Tensor, Tensor, Tensor | None]


def reference(
    features: Sequence[Tensor],
    target_features: Sequence[Tensor],
    weights: Sequence[Tensor | None] | None = None,
    eps: float = 1e-10,
) -> Tensor:
    """The definition in plain torch; arguments as for :func:`perceptual_distance`."""
    return _summed([_layer(*layer, eps) for layer in _layers(features, target_features, weights)])


def _layer(f: Tensor, target: Tensor, weight: Tensor | None, eps: float) -> Tensor:
    """The distance of one layer."""
    squares = (_unit(f, eps) - _unit(target, eps)).square()
    if weight is not None:
        squares = squares * weight.to(squares.dtype).reshape(-1, *(1,) * (f.ndim - 2))
    return squares.sum(1).flatten(1).mean(1)


def _unit(f: Tensor, eps: float) -> Tensor:
    """Feature vectors over their length; those of length zero stay zero and have no derivative."""
    f = f.to(accumulation_type(f.dtype))
    # Squares of huge features would overflow. The scale cancels, so that no derivative goes through it.
    scale = f.detach().abs().amax(1, keepdim=True).clamp(min=1)
    f = f / scale
    squares = f.square().sum(1, keepdim=True)
    zero = squares == 0
    length = torch.where(zero, 1.0, squares).sqrt()
    return torch.where(zero, 0.0, f / (length + eps / scale))


def perceptual_distance(
    features: Sequence[Tensor],
    target_features: Sequence[Tensor],
    weights: Sequence[Tensor | None] | None = None,
    *,
    eps: float = 1e-10,
) -> Tensor:
    """Compare feature maps of two batches as LPIPS does (Zhang et al. 2018, equation 1), one distance per sample.

    With n = f / (||f|| + eps), where ||f|| is the length of the vector of channels at a position, the distance is the
    sum over layers of the mean over positions of the sum over channels of ``weight * (n - n_target)^2``.

    Lengths and sums are float32 or wider whatever the type of the features, and under autocast, because ``eps`` is 0 in
    float16. Equal features have a distance of exactly 0. Where a feature vector is zero, as in the empty background of
    many medical images, its gradient is defined as 0; the formula has no derivative there, and the package ``lpips``
    gives NaN. In float32 a vector counts as zero if the squares of its features vanish, below about 1e-23. NaN and
    infinity make their sample NaN; an empty batch gives an empty batch. Contiguous and channels-last layouts are kept.

    Differentiable in features, targets and weights, once through the fused backends and any number of times through
    plain torch, which also serves tracing, forward-mode derivatives and ``vmap``. Targets that require no gradient
    have none computed.

    Args:
        features: feature maps (N, C, *S), one per layer; N is that of all layers.
        target_features: what they are compared with, of the same shapes and types, or with a batch of 1 for all.
        weights: per layer a weight per channel (C,), of the type of the features or float32, or None for ones; None
            for ones in all layers. LPIPS learns weights of at least 0; any are allowed.
        eps: added to the lengths, at least 0.

    Returns:
        Distances (N,) in float32 or the type of the features if that is wider.

    Raises:
        TypeError: an argument is no list, a feature map or weight is no tensor, or types do not fit.
        ValueError: lists are empty or of different lengths; shapes, devices or ``eps`` do not fit.
        RuntimeError: a backend was asked for by name and cannot serve; or a second derivative is asked of a fused form.

    Example:
        >>> one, other = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0]])
        >>> perceptual_distance([one[..., None, None]], [other[..., None, None]], [torch.tensor([1.0, 0.5])]).tolist()
        [1.5]
    """
    if torch.jit.is_tracing():
        return reference(features, target_features, weights, eps)
    _check(features, target_features, weights, eps)
    layers = _layers(features, target_features, weights)
    alone = _nothing_wants_gradients(layers)
    if (alone or _only_features_want_gradients(layers)) and _in_one_sweep(layers):
        return _of_all_layers(layers, float(eps), alone)
    return _summed([_distance(*layer, float(eps)) for layer in layers])


def _layers(
    features: Sequence[Tensor], target_features: Sequence[Tensor], weights: Sequence[Tensor | None] | None
) -> list[_Layer]:
    weights = [None] * len(features) if weights is None else weights
    return list(zip(features, target_features, weights, strict=True))


def _nothing_wants_gradients(layers: list[_Layer]) -> bool:
    return not torch.is_grad_enabled() or not any(
        one.requires_grad for layer in layers for one in layer if one is not None
    )


def _only_features_want_gradients(layers: list[_Layer]) -> bool:
    constants = [one for _, target, weight in layers for one in (target, weight) if one is not None]
    return (
        torch.is_grad_enabled()
        and all(f.requires_grad for f, _, _ in layers)
        and not any(one.requires_grad for one in constants)
    )


def _in_one_sweep(layers: list[_Layer]) -> bool:
    """Whether the C++ kernels may take all layers at once: they do not go through torch's dispatcher."""
    f = layers[0][0]
    return (
        _functorch.may_pass_dispatcher(one for layer in layers for one in layer if one is not None)
        and f.shape[0] > 0
        and dispatch.choose(NAME, f.device.type, f.dtype) == "native"
        and all(other.dtype == f.dtype for other, _, _ in layers)
    )


def _of_all_layers(layers: list[_Layer], eps: float, alone: bool) -> Tensor:
    """The distance, alone or with a backward pass to the features."""
    # Imported here, because the kernels are imported by whoever chooses them.
    from monai_gan.ops._cpu.perceptual_distance import without_gradients
    from monai_gan.ops._perceptual_gradients import WithGradients

    features = [dense(f) for f, _, _ in layers]
    targets = [like(target.expand_as(f), f) for f, (_, target, _) in zip(features, layers, strict=True)]
    weights = [
        None if weight is None else weight.to(accumulation_type(features[0].dtype)).contiguous()
        for _, _, weight in layers
    ]
    if alone:
        return without_gradients(features, targets, weights, eps)
    return WithGradients.apply(targets, weights, eps, REFUSAL, *features)  # type: ignore[no-any-return, no-untyped-call]


def _summed(distances: list[Tensor]) -> Tensor:
    """Their sum in order; not the built-in one, which starts from an integer."""
    total = distances[0]
    for distance in distances[1:]:
        total = total + distance
    return total


def _distance(f: Tensor, target: Tensor, weight: Tensor | None, eps: float) -> Tensor:
    """One layer, by what serves it."""
    target = target.expand_as(f)
    if f.shape[0] == 0 or plain_torch_serves(NAME, f, target, weight):
        return _layer(f, target, weight, eps)
    weight = None if weight is None else weight.to(accumulation_type(f.dtype))
    return _forward(f, target, weight, eps)[0]  # type: ignore[no-any-return]


def _check(
    features: Sequence[Tensor],
    target_features: Sequence[Tensor],
    weights: Sequence[Tensor | None] | None,
    eps: float,
) -> None:
    given: dict[str, Any] = {"features": features, "target_features": target_features}
    if weights is not None:
        given["weights"] = weights
    for name, values in given.items():
        if not isinstance(values, (list, tuple)):
            raise TypeError(f"{NAME}: {name} is a {type(values).__name__}; give a list with an item per layer.")
        if len(values) != len(features) or not values:
            raise ValueError(
                f"{NAME}: features has {len(features)} layer(s) and {name} {len(values)}; "
                "give lists of one length, at least 1."
            )
    if not 0 <= eps < math.inf:
        raise ValueError(f"{NAME}: eps={eps} is no small positive number; give one such as 1e-10.")
    named = {
        f"{name}[{i}]": values[i] for i in range(len(features)) for name, values in given.items() if name != "weights"
    }
    check_tensors(NAME, named, {f"weights[{i}]": weight for i, weight in enumerate(weights or ())})
    for i, (f, target, weight) in enumerate(_layers(features, target_features, weights)):
        _check_layer(i, f, target, weight, features[0].shape[0])


def _check_layer(i: int, f: Tensor, target: Tensor, weight: Tensor | None, batch: int) -> None:
    if f.ndim < 3 or 0 in f.shape[1:]:
        raise ValueError(
            f"{NAME}: features[{i}] has shape {tuple(f.shape)}; "
            "give (N, C, *S) with at least one channel and one pixel."
        )
    if f.shape[0] != batch:
        raise ValueError(
            f"{NAME}: features[0] has a batch of {batch} and features[{i}] of {f.shape[0]}; "
            "give the feature maps of one batch in all layers."
        )
    if target.shape != f.shape and target.shape != (1, *f.shape[1:]):
        raise ValueError(
            f"{NAME}: features[{i}] has shape {tuple(f.shape)} and target_features[{i}] {tuple(target.shape)}; "
            "give two feature maps of one shape, or a target with a batch of 1."
        )
    if target.dtype != f.dtype:
        raise TypeError(
            f"{NAME}: features[{i}] is {f.dtype} and target_features[{i}] {target.dtype}; "
            "convert both to one type with .to()."
        )
    if weight is None:
        return
    if weight.shape != f.shape[1:2]:
        raise ValueError(
            f"{NAME}: weights[{i}] has shape {tuple(weight.shape)}; "
            f"give one weight per channel of features[{i}], shape ({f.shape[1]},)."
        )
    if weight.dtype not in (f.dtype, accumulation_type(f.dtype)):
        raise TypeError(
            f"{NAME}: weights[{i}] is {weight.dtype} and features[{i}] {f.dtype}; convert the weights to {f.dtype} or "
            f"{accumulation_type(f.dtype)} with .to()."
        )


def _forward_kernel(f: Tensor, target: Tensor, weight: Tensor | None, eps: float) -> tuple[Tensor, Tensor]:
    f = dense(f)
    return _kernels(f).forward(f, like(target, f), _flat(weight), eps)  # type: ignore[no-any-return]


def _backward_kernel(grad: Tensor, f: Tensor, other: Tensor, *rest: Tensor | None) -> Tensor:
    f = dense(f)
    return _kernels(f).backward(grad.contiguous(), f, like(other, f), *map(_flat, rest))  # type: ignore[no-any-return]


def _weight_kernel(grad: Tensor, f: Tensor, target: Tensor, *statistics: Tensor) -> Tensor:
    return _kernels(f).weight_gradient(grad, f, target, *statistics)  # type: ignore[no-any-return]


def _kernels(f: Tensor) -> Any:
    return dispatch.kernels(NAME, f.device.type, f.dtype)


def _flat(values: Tensor | None) -> Tensor | None:
    return None if values is None else values.contiguous()


def _forward_fake(f: Tensor, target: Tensor, weight: Tensor | None, eps: float) -> tuple[Tensor, Tensor]:
    distance = f.new_empty(f.shape[0], dtype=accumulation_type(f.dtype))
    return distance, distance.new_empty(5, f.shape[0], math.prod(f.shape[2:]))


def _backward_fake(grad: Tensor, f: Tensor, *_: Tensor | None) -> Tensor:
    return torch.empty_like(dense(f))


def _weight_fake(grad: Tensor, f: Tensor, *_: Tensor) -> Tensor:
    return grad.new_empty(f.shape[1])


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    f, target, weight, _ = inputs
    ctx.save_for_backward(f, target, weight, output[1])
    # What depends on the features through the statistics is in the closed forms.
    ctx.mark_non_differentiable(output[1])


def _through_forward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    f, target, weight, statistics = ctx.saved_tensors
    r, along, target_r, target_along, gap = statistics.unbind()
    of_f, of_target, of_weight, _ = ctx.needs_input_grad
    # The distance is symmetric: the gradient of the target is that of the features with the roles changed.
    return (
        _backward(grad, f, target, r, target_r, along, gap, weight) if of_f else None,
        _backward(grad, target, f, target_r, r, target_along, -gap, weight) if of_target else None,
        _weight(grad, f, target, r, target_r, gap) if of_weight and not asked_for_input_only() else None,
        None,
    )


_forward = Operation(
    f"{NAME}(Tensor f, Tensor target, Tensor? weight, float eps) -> (Tensor, Tensor)", _forward_kernel, _forward_fake
)
_backward = Operation(
    f"{NAME}_backward(Tensor grad, Tensor f, Tensor other, Tensor reciprocal, Tensor other_reciprocal, Tensor along,"
    " Tensor gap, Tensor? weight) -> Tensor",
    _backward_kernel,
    _backward_fake,
)
_weight = Operation(
    f"{NAME}_weight_gradient(Tensor grad, Tensor f, Tensor target, Tensor reciprocal, Tensor target_reciprocal,"
    " Tensor gap) -> Tensor",
    _weight_kernel,
    _weight_fake,
)
_forward.differentiate(_through_forward, _save)
for _derivative in (_backward, _weight):
    _derivative.end(REFUSAL)
