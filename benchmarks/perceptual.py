"""Time and memory of :class:`monai_gan.losses.PerceptualLoss`, value and gradient, beside MONAI's, lpips and torch.

All have the same random weights. ``MONAI`` is its class as it comes, ``MONAI armed`` and ``lpips`` are frozen and in
channels-last order; ``PyTorch eager`` is the textbook form with this package's backbone, armed likewise;
``torch.compile`` is that, compiled. MONAI and lpips take part where they and torchvision import. ``ours, kept target``
has the features of the target from an earlier call.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.timing import compare
from monai_gan.losses import PerceptualLoss
from monai_gan.losses.perceptual.networks import NETWORKS

_SCHEMAS = torch.library.Library("torchvision", "FRAGMENT")
Loss = Callable[[Tensor, Tensor], Tensor]
BUILDERS = {"squeeze": "squeezenet1_1", "alex": "alexnet", "vgg": "vgg16"}
IMAGES, VOLUME = (8, 1, 256, 256), (1, 1, 64, 64, 64)
#: Network and shape of the input.
CASES = [(kind, shape) for kind in BUILDERS for shape in (IMAGES, VOLUME)]
QUICK = [("squeeze", (2, 1, 32, 32)), ("squeeze", (1, 1, 20, 20, 20))]
MOST_ROUNDS = 7


class Textbook(nn.Module):
    """LPIPS as its paper has it: three channels, standardised; features of length one; weighted squares."""

    def __init__(self, network: nn.Module, heads: list[Tensor], kind: str) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]
        known = NETWORKS[kind]
        self.register_buffer("mean", torch.tensor(known.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(known.std).view(1, 3, 1, 1))
        self.heads = nn.ParameterList([nn.Parameter(head.view(1, -1, 1, 1), False) for head in heads])

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Distances (N, 1, 1, 1) of images (N, 1, H, W)."""
        maps = [self.network((one - self.mean) / self.std) for one in (x, y)]
        total = x.new_zeros(())
        for one, other, head in zip(*maps, self.heads, strict=True):
            one, other = (f / (f.square().sum(1, keepdim=True).sqrt() + 1e-10) for f in (one, other))
            total = total + ((one - other).square() * head).sum(1, keepdim=True).mean((2, 3), keepdim=True)
        return total


def with_slices(images: Loss) -> Loss:
    """Half of the slices along each axis, in one batch per axis, as MONAI does it."""

    def loss(x: Tensor, y: Tensor) -> Tensor:
        total = x.new_zeros(())
        for axis in (2, 3, 4):
            slices = [one.movedim(axis, 1).flatten(0, 1) for one in (x, y)]
            chosen = torch.randperm(len(slices[0]))[: len(slices[0]) // 2].to(x.device)
            total = total + images(*(one[chosen] for one in slices)).mean()
        return total

    return loss


def installed(kind: str, spatial_dims: int, state: dict[str, Tensor], device: str) -> dict[str, Loss]:
    """MONAI's class, and lpips for images, with the given weights; nothing where they do not import."""
    # Beside a CPU build of torch, torchvision asks for operators that are not used here.
    if torch.version.cuda is None and not hasattr(torch.ops.torchvision, "nms"):
        for name in ("nms", "qnms"):
            _SCHEMAS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    try:
        import lpips.pretrained_networks
        import monai.losses.perceptual
        import torchvision
    except (ImportError, RuntimeError):
        return {}
    # MONAI may have tried to import it too early.
    monai.losses.perceptual.LPIPS = lpips.LPIPS
    build = getattr(torchvision.models, BUILDERS[kind])
    models = lpips.pretrained_networks.tv
    setattr(models, BUILDERS[kind], lambda pretrained=False: _loaded(build(weights=None), state))
    try:
        theirs = monai.losses.perceptual.PerceptualLoss(spatial_dims, kind)
    finally:
        setattr(models, BUILDERS[kind], build)
    armed = copy.deepcopy(theirs).to(device, memory_format=torch.channels_last).requires_grad_(False)
    found = {"MONAI": theirs.to(device), "MONAI armed": armed}
    return found | ({"lpips": armed.perceptual_function} if spatial_dims == 2 else {})


def _loaded(network: nn.Module, state: dict[str, Tensor]) -> nn.Module:
    network.load_state_dict(state, strict=False)
    return network


def ways(kind: str, shape: tuple[int, ...], device: str, *, compiled: bool) -> dict[str, Callable[[], Any]]:
    """What is timed, by name: the value and the gradient of the input."""
    spatial_dims = len(shape) - 2
    torch.manual_seed(0)
    network = NETWORKS[kind].build()
    state = copy.deepcopy(network.state_dict())
    heads = [torch.rand(channels) / channels for channels in NETWORKS[kind].heads]
    named = {f"lin{i}.model.1.weight": head.view(1, -1, 1, 1) for i, head in enumerate(heads)}
    ours = PerceptualLoss(spatial_dims, kind, weights=state, head_weights=named).to(device)
    textbook: Loss = Textbook(network, heads, kind).to(device)
    compiled_textbook: Loss = torch.compile(textbook, dynamic=False)
    if spatial_dims == 3:
        textbook, compiled_textbook = with_slices(textbook), with_slices(compiled_textbook)
    x, y = torch.rand(shape, device=device, requires_grad=True), torch.rand(shape, device=device)
    kept = ours.target_features(y)
    losses: dict[str, Callable[[], Tensor]] = {
        "ours": lambda: ours(x, y),
        "ours, kept target": lambda: ours(x, kept),
        "PyTorch eager": lambda: textbook(x, y),
    }
    if compiled:
        losses["torch.compile"] = lambda: compiled_textbook(x, y)
    for name, loss in installed(kind, spatial_dims, state, device).items():
        losses[name] = lambda loss=loss: loss(x, y)  # type: ignore[misc]

    def with_gradient(value: Callable[[], Tensor]) -> Callable[[], Any]:
        return lambda: torch.autograd.grad(value().mean(), x)

    return {name: with_gradient(value) for name, value in losses.items()}


def measure(device: str, rounds: int, dtype: torch.dtype, quick: bool) -> Iterator[dict[str, Any]]:
    """Time all cases.

    Args:
        device: ``"cpu"`` or ``"cuda"``.
        rounds: timed rounds, of which at most seven are made: a round takes seconds on a CPU.
        dtype: float32, or bfloat16 by autocast.
        quick: tiny sizes.
    """
    for kind, shape in QUICK if quick else CASES:
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            found = ways(kind, shape, device, compiled=not quick)
            timings = compare(found, "ours", device, max(2, min(rounds, MOST_ROUNDS)))
        yield {
            "operation": f"perceptual loss, {kind}",
            "case": "images" if len(shape) == 4 else "fake 3-D",
            "shape": list(shape),
            "dtype": str(dtype).removeprefix("torch."),
            "opponents": {way: one.as_json() for way, one in timings.items() if way != "ours"},
        }
