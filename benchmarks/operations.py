"""The fused operations against PyTorch eager, the manner of StyleGAN's code and torch.compile.

Each derivative of a normalisation is timed alone on a graph that is there already, then all together as a gradient
penalty uses them: value, gradient with respect to the input, and the gradient of that. ``torch.compile`` takes part in
the last only, because its graphs cannot be differentiated twice from outside.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import perceptual_head
from benchmarks.opponents import eager_norm_act, function_pair_norm_act
from benchmarks.timing import compare, copy_seconds, seconds_of
from monai_gan.ops import counter_state, gradient_norm_penalty, group_norm_act, input_gradient_only, interpolate

NormAct = Callable[[Tensor, int, Tensor, Tensor], Tensor]
#: Name, shape, groups: sizes of critics' feature maps.
SHAPES = {
    "cpu": [
        ("instance 2-D", (32, 64, 32, 32), 64),
        ("layer 2-D", (32, 64, 32, 32), 1),
        ("instance 3-D", (4, 32, 32, 32, 32), 32),
        ("group of 8 3-D", (4, 32, 16, 16, 16), 4),
    ],
    "cuda": [
        ("instance 2-D", (32, 128, 64, 64), 128),
        ("instance 2-D small", (32, 512, 16, 16), 512),
        ("layer 2-D", (32, 128, 64, 64), 1),
        ("instance 3-D", (4, 64, 64, 64, 64), 64),
    ],
}
IMAGES = {"cpu": (32, 1, 128, 128), "cuda": (32, 3, 512, 512)}


def ours_norm_act(x: Tensor, num_groups: int, weight: Tensor, bias: Tensor) -> Tensor:
    """This package's operation."""
    return group_norm_act(x, num_groups, weight, bias, activation="leaky_relu", negative_slope=0.2)


NORM_ACTS: dict[str, NormAct] = {
    "ours": ours_norm_act,
    "PyTorch eager": eager_norm_act,
    "function pair": function_pair_norm_act,
}


def measure(device: str, rounds: int, dtype: torch.dtype, quick: bool) -> Iterator[dict[str, Any]]:
    """All rows of one device and type."""
    for name, shape, groups in SHAPES[device][: 1 if quick else None]:
        for layout in ("contiguous", "channels-last"):
            for work, ways, passes in norm_act_work(
                device, shape, groups, dtype, layout, compiled=not quick and layout == "contiguous"
            ):
                yield _row(f"group_norm_act, {work}", f"{name}, {layout}", ways, device, rounds, passes, shape, dtype)
    images = perceptual_head.QUICK if quick else perceptual_head.IMAGES
    for kind, layout in itertools.product(perceptual_head.KINDS, ("contiguous", "channels-last")):
        first, *others = shapes = perceptual_head.shapes_of(kind, images)
        for work, ways, passes in perceptual_head.work(shapes, device, dtype, layout, compiled=not quick):
            operation, case = f"perceptual_distance, {work}", f"all layers of {kind}, {layout}"
            yield _row(operation, case, ways, device, rounds, passes, first, dtype, others)
    for operation, ways, passes in small_work(device, IMAGES[device], dtype):
        yield _row(operation, "images", ways, device, rounds, passes, IMAGES[device], dtype)


def norm_act_work(
    device: str, shape: tuple[int, ...], groups: int, dtype: torch.dtype, layout: str, *, compiled: bool
) -> Iterator[tuple[str, dict[str, Callable[[], Any]], int]]:
    """What is timed: name, ways, and how many times a full-size tensor has to be read or written."""
    torch.manual_seed(0)
    last = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    memory_format = last if layout == "channels-last" else torch.contiguous_format
    x, grad, v = (
        torch.randn(shape, device=device, dtype=dtype).contiguous(memory_format=memory_format) for _ in range(3)
    )
    weight, bias = (torch.rand(shape[1], device=device, dtype=dtype).requires_grad_() for _ in range(2))
    x.requires_grad_()
    grad.requires_grad_()

    def forward(function: NormAct) -> Callable[[], Any]:
        def run() -> None:
            with torch.no_grad():
                function(x.detach(), groups, weight, bias)

        return run

    def backward(function: NormAct) -> Callable[[], Any]:
        y = function(x, groups, weight, bias)
        return lambda: torch.autograd.grad(y, (x, weight, bias), grad.detach(), retain_graph=True)

    def double(function: NormAct) -> Callable[[], Any]:
        y = function(x, groups, weight, bias)
        with input_gradient_only():
            (first,) = torch.autograd.grad(y, x, grad, create_graph=True)
        return lambda: torch.autograd.grad(first, (grad, x, weight), v, retain_graph=True)

    def together(function: NormAct) -> Callable[[], Any]:
        def run() -> None:
            y = function(x, groups, weight, bias)
            with input_gradient_only():
                (first,) = torch.autograd.grad(y, x, grad, create_graph=True)
            torch.autograd.grad(first, (grad, x, weight), v)

        return run

    # A group that stays in the cache needs each operand once.
    yield "forward", {name: forward(function) for name, function in NORM_ACTS.items()}, 2
    yield "backward", {name: backward(function) for name, function in NORM_ACTS.items()}, 3
    yield "double backward", {name: double(function) for name, function in NORM_ACTS.items()}, 5
    ways = {name: together(function) for name, function in NORM_ACTS.items()}
    if compiled:
        ways["torch.compile"] = _compiled_together(x.detach(), groups, weight.detach(), bias.detach(), grad.detach(), v)
    yield "value and both derivatives", ways, 2 + 3 + 5


def _compiled_together(
    x: Tensor, groups: int, weight: Tensor, bias: Tensor, grad: Tensor, v: Tensor
) -> Callable[[], Any]:
    """The route that torch.compile takes by default: torch.func inside one graph."""

    def second(x: Tensor, grad: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
        def first(x: Tensor, grad: Tensor, weight: Tensor) -> Tensor:
            def value(x: Tensor) -> Tensor:
                return F.leaky_relu(F.group_norm(x, groups, weight, bias, 1e-5), 0.2)

            return torch.func.vjp(value, x)[1](grad)[0]  # type: ignore[no-any-return]

        return torch.func.vjp(first, x, grad, weight)[1](v)  # type: ignore[no-any-return]

    compiled = torch.compile(second, fullgraph=True, dynamic=False)
    return lambda: compiled(x, grad, weight)


def small_work(
    device: str, shape: tuple[int, ...], dtype: torch.dtype
) -> Iterator[tuple[str, dict[str, Callable[[], Any]], int]]:
    """The operations around the critic."""
    torch.manual_seed(0)
    real, fake = torch.randn(shape, device=device, dtype=dtype), torch.randn(shape, device=device, dtype=dtype)
    state = counter_state(0, device)

    def eager_mix() -> Tensor:
        epsilon = torch.rand(shape[0], *(1,) * (len(shape) - 1), device=device, dtype=dtype)
        return epsilon * real + (1 - epsilon) * fake

    compiled_mix = torch.compile(eager_mix, dynamic=False)
    yield (
        "interpolate with random weights",
        {
            "ours": lambda: interpolate(real, fake, state=state),
            "PyTorch eager": eager_mix,
            "torch.compile": compiled_mix,
        },
        3,
    )
    gradient = real.requires_grad_()

    def eager_penalty(gradient: Tensor) -> Tensor:
        return 10 * (gradient.flatten(1).norm(dim=1) - 1).square().mean()

    def with_backward(function: Callable[[Tensor], Tensor]) -> Callable[[], Any]:
        return lambda: torch.autograd.grad(function(gradient), gradient)

    yield (
        "gradient_norm_penalty, value and gradient",
        {
            "ours": with_backward(gradient_norm_penalty),
            "PyTorch eager": with_backward(eager_penalty),
            "torch.compile": with_backward(torch.compile(eager_penalty, dynamic=False)),
        },
        3,
    )


def _row(
    operation: str,
    case: str,
    ways: dict[str, Callable[[], Any]],
    device: str,
    rounds: int,
    passes: int,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    more_shapes: Sequence[tuple[int, ...]] = (),
) -> dict[str, Any]:
    timings = compare(ways, "ours", device, rounds)
    nbytes = sum(torch.Size(one).numel() for one in (shape, *more_shapes)) * dtype.itemsize
    share = passes * nbytes * copy_seconds(nbytes, device, rounds) / seconds_of(ways["ours"], device, rounds)
    return {
        "operation": operation,
        "case": case,
        "dtype": str(dtype).removeprefix("torch."),
        "shape": list(shape),
        "opponents": {name: timing.as_json() for name, timing in timings.items() if name != "ours"},
        "copy_bandwidth_share": share,
    }
