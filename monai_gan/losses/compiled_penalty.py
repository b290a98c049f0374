"""A gradient penalty under ``torch.compile``, by the routes that carry a second derivative."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from monai_gan.losses.critic_gradient import Critic, gradient_of, input_gradient, score_sum
from monai_gan.ops import use_backend
from monai_gan.ops.dispatch import choose

DEBUG_VARIABLE = "MONAI_GAN_DEBUG"
Penalty = Callable[[Tensor], Tensor]


@contextmanager
def traced_autograd() -> Iterator[None]:
    """Let ``torch.compile`` look into calls of ``torch.autograd.grad``; the setting is restored afterwards.

    Raises:
        RuntimeError: this version of torch has no such setting.
    """
    import torch._dynamo  # slow to load, and only needed to compile

    if not hasattr(torch._dynamo.config, "trace_autograd_ops"):
        raise RuntimeError(f"torch {torch.__version__} cannot trace torch.autograd.grad; use torch 2.11 or newer.")
    with torch._dynamo.config.patch(trace_autograd_ops=True):
        yield


class CompiledPenalty:
    """Computes a penalty and its gradient with respect to the critic's parameters in one compiled graph.

    Graphs of ``torch.compile`` cannot be differentiated twice from outside, so the inner gradient is taken inside:

    - ``traced``: ``torch.autograd.grad`` for the penalty and for the parameters in one graph, which keeps the fused
      operations of this package; tried where they serve the images;
    - ``functional``: ``torch.func.grad`` inside, the ordinary backward pass outside, for operations of torch alone.

    A route that fails is reported by a warning, once, with the reason, and the next one is tried; after the last one
    the caller computes the penalty uncompiled. With ``MONAI_GAN_DEBUG=1`` the first result of the process is compared
    with the uncompiled one.

    Args:
        backend: of ``torch.compile``.
    """

    _compared = False

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self._routes: list[Callable[..., Tensor]] | None = None
        self._graphs: dict[Any, Callable[..., Any]] = {}

    def __call__(self, critic: Critic, points: Tensor, label: Tensor | None, penalty: Penalty) -> Tensor | None:
        """Compute the penalty.

        Args:
            critic: a module whose parameters are to be trained.
            points: where the gradient is taken, (N, C, *S).
            label: condition of the points, or None.
            penalty: maps the critic's gradient (N, C, *S) to a scalar.

        Returns:
            The penalty, differentiable once with respect to the critic's parameters; None if nothing can be compiled.

        Raises:
            RuntimeError: in debug mode, if the compiled result is not the uncompiled one.
        """
        if self._routes is None:
            self._routes = self._usable_routes(critic, points)
        while self._routes:
            route = self._routes[0]
            try:
                value = route(critic, points, label, penalty)
                break
            except Exception as error:  # the compiler may fail in any way, training must not
                reason = str(error).strip().splitlines()
                self._give_up(route.__name__.strip("_"), f"{type(error).__name__}: {reason[0] if reason else ''}")
        else:
            return None
        if not CompiledPenalty._compared and os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
            CompiledPenalty._compared = True
            _compare(value, cast(nn.Module, critic), points, label, penalty)
        return value

    def __getstate__(self) -> dict[str, Any]:
        # Compiled graphs belong to a process; a copy compiles its own.
        return {"backend": self.backend, "_routes": None, "_graphs": {}}

    def _usable_routes(self, critic: Critic, points: Tensor) -> list[Callable[..., Tensor]]:
        if not isinstance(critic, nn.Module) or isinstance(
            critic, nn.DataParallel | nn.parallel.DistributedDataParallel
        ):
            self._warn(f"a critic that is a {type(critic).__name__} cannot be compiled here; pass the module itself")
            return []
        fused = choose("group_norm_act", points.device.type, points.dtype) != "torch"
        return [self._traced, self._functional] if fused else [self._functional]

    def _traced(self, critic: nn.Module, points: Tensor, label: Tensor | None, penalty: Penalty) -> Tensor:
        parameters = [parameter for parameter in critic.parameters() if parameter.requires_grad]

        def region(image: Tensor, label: Tensor | None, parameters: list[Tensor]) -> tuple[Tensor, tuple[Any, ...]]:
            value = penalty(gradient_of(score_sum(critic, image, label), image, True))
            grads = torch.autograd.grad(value, parameters, allow_unused=True)
            return value.detach(), tuple(None if grad is None else grad.detach() for grad in grads)

        # The image has to arrive requiring a gradient: inside, a graph cannot turn that on.
        image = points.detach().requires_grad_(True)
        with traced_autograd():
            value, grads = self._graph("traced", critic, region)(image, label, parameters)
        if all(grad is None for grad in grads):
            raise RuntimeError("the compiled penalty reaches no parameter of the critic")
        reached = [(p, g) for p, g in zip(parameters, grads, strict=True) if g is not None]
        return _Attach.apply(value, len(reached), *(g for _, g in reached), *(p for p, _ in reached))  # type: ignore[no-untyped-call, no-any-return]

    def _functional(self, critic: nn.Module, points: Tensor, label: Tensor | None, penalty: Penalty) -> Tensor:
        def region(image: Tensor, label: Tensor | None) -> Tensor:
            return penalty(torch.func.grad(lambda point: score_sum(critic, point, label))(image))

        with use_backend("torch"):
            value: Tensor = self._graph("functional", critic, region)(points.detach(), label)
        if not value.requires_grad:
            raise RuntimeError("the compiled penalty carries no graph to the critic's parameters")
        return value

    def _graph(self, route: str, critic: nn.Module, region: Callable[..., Any]) -> Callable[..., Any]:
        """The compiled region of a critic, made once."""
        key = (route, id(critic))
        if key not in self._graphs:
            self._graphs[key] = torch.compile(region, fullgraph=True, dynamic=False, backend=self.backend)
        return self._graphs[key]

    def _give_up(self, route: str, reason: str) -> None:
        assert self._routes is not None
        self._routes = self._routes[1:]
        rest = f"trying the {self._routes[0].__name__.strip('_')} one" if self._routes else "going on uncompiled"
        self._warn(f"the {route} route failed ({reason}); {rest}")

    @staticmethod
    def _warn(text: str) -> None:
        warnings.warn(f"GradientPenalty: compile was asked for, but {text}.", stacklevel=4)


class _Attach(torch.autograd.Function):
    """Gives a value the gradients that were computed with it."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, count: int, *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors[:count])
        return value.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, out_grad: Tensor) -> tuple[Tensor | None, ...]:
        gradients = ctx.saved_tensors
        return (
            None,
            None,
            *(None for _ in gradients),
            *(gradient * out_grad.to(gradient.dtype) for gradient in gradients),
        )


def _compare(value: Tensor, critic: nn.Module, points: Tensor, label: Tensor | None, penalty: Penalty) -> None:
    """Refuse a compiled penalty whose value or gradients are not those of the uncompiled one."""
    parameters = [parameter for parameter in critic.parameters() if parameter.requires_grad]
    expected = penalty(input_gradient(critic, points, label))
    pairs = [torch.autograd.grad(one, parameters, allow_unused=True, retain_graph=True) for one in (value, expected)]
    names = [name for name, parameter in critic.named_parameters() if parameter.requires_grad]
    # Half precision inside the penalty moves its gradients by some thousandths.
    tolerance = 1e-4 if not torch.is_autocast_enabled(points.device.type) else 5e-2
    for name, ours, theirs in zip(["the value", *names], (value, *pairs[0]), (expected, *pairs[1]), strict=True):
        ours, theirs = (torch.zeros(()) if t is None else t.detach().double().cpu() for t in (ours, theirs))
        error = float((ours - theirs).norm() / theirs.norm().clamp_min(1e-12))
        if not error <= tolerance:
            raise RuntimeError(
                f"GradientPenalty: compiled and uncompiled penalty differ by {error:.1e} at {name}; "
                "leave compile out, and report the critic."
            )
