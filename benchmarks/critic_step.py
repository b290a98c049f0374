"""A whole WGAN-GP critic step, losses and gradients of all parameters, without the optimizer.

The critic is that of Gulrajani 2017, residual blocks with layer normalisation. All opponents have the same weights,
layout and precision. The bound is Amdahl's: the eager step over the eager step without normalisation and activation,
which no fusion of these can beat.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.opponents import captured, function_pair_norm_act, textbook_penalty
from benchmarks.timing import compare
from monai_gan.losses import GradientPenalty
from monai_gan.networks.blocks import GroupNormAct
from monai_gan.networks.nets import WGANCritic

#: Name, spatial axes, image side, batch, width at the image's resolution.
CASES = {
    "cpu": [("2-D 128 px, batch 32", 2, 128, 32, 8), ("3-D 64^3, batch 4", 3, 64, 4, 8)],
    "cuda": [("2-D 128 px, batch 32", 2, 128, 32, 64), ("3-D 64^3, batch 4", 3, 64, 4, 32)],
}


class FunctionPairNormAct(nn.Module):
    """The layer in the manner of StyleGAN's code."""

    def __init__(self, fused: GroupNormAct) -> None:
        super().__init__()
        self.groups, self.weight, self.bias, self.slope = fused.num_groups, fused.weight, fused.bias, slope_of(fused)

    def forward(self, x: Tensor) -> Tensor:
        return function_pair_norm_act(x, self.groups, self.weight, self.bias, self.slope)


def slope_of(fused: GroupNormAct) -> float:
    """The slope of a piecewise-linear activation."""
    return {"relu": 0.0, "leaky_relu": fused.negative_slope}[fused.activation]


def eager_layers(fused: GroupNormAct) -> nn.Module:
    """PyTorch's own two layers; the second may write into the result of the first, which nothing else needs."""
    norm = nn.GroupNorm(fused.num_groups, fused.num_channels, fused.eps)
    norm.weight, norm.bias = fused.weight, fused.bias
    return nn.Sequential(norm, nn.LeakyReLU(slope_of(fused), inplace=True))


def replaced(network: nn.Module, layer: Callable[[GroupNormAct], nn.Module]) -> nn.Module:
    """A copy with other layers in place of the fused ones."""
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, GroupNormAct):
                module._modules[name] = layer(child)
    return network


def measure(device: str, rounds: int, dtype: torch.dtype, quick: bool) -> Iterator[dict[str, Any]]:
    """A row per case; each way gives the same losses, which is checked before anything is timed."""
    for name, spatial_dims, side, batch, width in CASES[device]:
        if quick:
            side, batch = side // 4, 2
        ways, bound = _ways(device, spatial_dims, side, batch, width, dtype, compiled=not quick)
        timings = compare({**ways, "bound": bound}, "ours", device, rounds)
        eager = timings["PyTorch eager"].ratio
        yield {
            "case": name,
            "dtype": str(dtype).removeprefix("torch."),
            "opponents": {key: t.as_json() for key, t in timings.items() if key not in ("ours", "bound")},
            "amdahl_bound": eager / timings["bound"].ratio,
        }


def _ways(
    device: str, spatial_dims: int, side: int, batch: int, width: int, dtype: torch.dtype, *, compiled: bool
) -> tuple[dict[str, Callable[[], Any]], Callable[[], Any]]:
    torch.manual_seed(0)
    layout = torch.channels_last if spatial_dims == 2 else torch.channels_last_3d
    fused = WGANCritic(spatial_dims, 1, side, width, norm="layer").to(device).to(memory_format=layout)  # type: ignore[call-overload]
    shape = batch, 1, *(side,) * spatial_dims
    real, fake = (torch.randn(shape, device=device).contiguous(memory_format=layout) for _ in range(2))
    eager = replaced(fused, eager_layers)
    networks = {"ours": fused, "PyTorch eager": eager, "function pair": replaced(fused, FunctionPairNormAct)}
    penalties: dict[str, Callable[..., Tensor]] = dict.fromkeys(networks, textbook_penalty)
    penalties["ours"] = GradientPenalty().to(device)
    if compiled:
        networks["torch.compile"] = copy.deepcopy(eager)
        penalties["torch.compile"] = _CompiledPenalty(networks["torch.compile"])
    _check_agreement(networks, real, fake)
    ways = {name: _step(networks[name], penalties[name], real, fake, device, dtype) for name in networks}
    bare = replaced(fused, lambda _: nn.Identity())
    bound = _step(bare, textbook_penalty, real, fake, device, dtype)
    if device == "cuda":
        return {name: captured(way) for name, way in ways.items()}, captured(bound)
    return ways, bound


class _CompiledPenalty:
    """torch.compile's best route: the inner gradient by torch.func inside one graph, critic and penalty together."""

    def __init__(self, network: nn.Module) -> None:
        def region(real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
            mixed = epsilon * real + (1 - epsilon) * fake
            gradient = torch.func.grad(lambda image: network(image).sum())(mixed)
            return 10 * (gradient.flatten(1).norm(dim=1) - 1).square().mean()

        self.region = torch.compile(region, fullgraph=True, dynamic=False)

    def __call__(self, critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        epsilon = torch.rand(len(real), *(1,) * (real.ndim - 1), device=real.device)
        value: Tensor = self.region(real, fake, epsilon)
        return value


def _step(
    network: nn.Module,
    penalty: Callable[..., Tensor],
    real: Tensor,
    fake: Tensor,
    device: str,
    dtype: torch.dtype,
) -> Callable[[], Any]:
    parameters = list(network.parameters())

    def run() -> None:
        for parameter in parameters:
            parameter.grad = None
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            loss = network(fake).mean() - network(real).mean() + penalty(network, real, fake)
        loss.backward()

    return run


def _check_agreement(networks: dict[str, nn.Module], real: Tensor, fake: Tensor) -> None:
    """Refuse to time networks that do not compute the same, without TF32, whose rounding alone differs by more."""
    gradients = {}
    for name, network in networks.items():
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            penalty = GradientPenalty()(network, real[:2], fake[:2], epsilon=torch.full((2,), 0.5, device=real.device))
            found = torch.autograd.grad(penalty, list(network.parameters()), allow_unused=True, materialize_grads=True)
        gradients[name] = torch.cat([gradient.flatten() for gradient in found])
    expected = gradients["PyTorch eager"]
    for name, ours in gradients.items():
        error = float((ours - expected).norm() / expected.norm())
        if not error < 1e-3:
            raise RuntimeError(f"'{name}' differs from PyTorch eager by {error:.1e}; nothing was timed.")
