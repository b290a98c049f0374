"""Time and memory of :class:`monai_gan.losses.PerceptualLoss`, value and gradient, beside MONAI's, lpips and torch.

    python -m benchmarks.perceptual [--networks vgg squeeze] [--rounds 5] [--threads 2] [--quick]

All have the same random weights, frozen, in channels-last order. ``PyTorch eager`` is the textbook form with this
package's backbone; ``torch.compile`` is that, compiled. MONAI and lpips take part where they and torchvision import.
The result goes to ``benchmarks/results/perceptual_cpu.json`` or ``perceptual_gpu.json``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.results import environment, save
from benchmarks.timing import compare
from monai_gan.losses import PerceptualLoss
from monai_gan.losses.perceptual.networks import NETWORKS

_SCHEMAS = torch.library.Library("torchvision", "FRAGMENT")
Loss = Callable[[Tensor, Tensor], Tensor]
BUILDERS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}
#: Name, spatial dimensions, shape.
CASES = [("2-D 256 px, batch 8", 2, (8, 1, 256, 256)), ("fake 3-D 64^3", 3, (1, 1, 64, 64, 64))]
QUICK = [("2-D 32 px, batch 2", 2, (2, 1, 32, 32)), ("fake 3-D 20^3", 3, (1, 1, 20, 20, 20))]


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
    theirs = theirs.to(device, memory_format=torch.channels_last).requires_grad_(False)
    return {"MONAI": theirs} | ({"lpips": theirs.perceptual_function} if spatial_dims == 2 else {})


def _loaded(network: nn.Module, state: dict[str, Tensor]) -> nn.Module:
    network.load_state_dict(state, strict=False)
    return network


def ways(
    kind: str, spatial_dims: int, shape: tuple[int, ...], device: str, *, compiled: bool
) -> dict[str, Callable[[], Any]]:
    """What is timed, by name: the value and the gradient of the input."""
    torch.manual_seed(0)
    state = NETWORKS[kind].build().state_dict()
    heads = [torch.rand(channels) / channels for channels in NETWORKS[kind].heads]
    named = {f"lin{i}.model.1.weight": head.view(1, -1, 1, 1) for i, head in enumerate(heads)}
    network = NETWORKS[kind].build()
    network.load_state_dict(state)
    textbook = Textbook(network, heads, kind).to(device)
    losses: dict[str, Loss] = {
        "ours": PerceptualLoss(spatial_dims, kind, weights=state, head_weights=named).to(device),
        "PyTorch eager": textbook,
        **installed(kind, spatial_dims, state, device),
    }
    if compiled:
        losses["torch.compile"] = torch.compile(textbook, dynamic=False)
    x, y = torch.rand(shape, device=device, requires_grad=True), torch.rand(shape, device=device)

    def run(name: str) -> Callable[[], Any]:
        loss = losses[name]
        if spatial_dims == 3 and name in ("PyTorch eager", "torch.compile"):
            loss = with_slices(loss)

        def step() -> None:
            torch.autograd.grad(loss(x, y).mean(), x)

        return step

    return {name: run(name) for name in losses}


def main() -> None:
    """Measure, print and store the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=list(BUILDERS), default=["vgg", "squeeze"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, printed and not stored: does it run?")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True
    rows = []
    for kind in options.networks:
        for name, spatial_dims, shape in QUICK if options.quick else CASES:
            found = ways(kind, spatial_dims, shape, device, compiled=not options.quick)
            timings = compare(found, "ours", device, max(options.rounds, 2))
            rows.append(
                {
                    "network": kind,
                    "case": name,
                    "opponents": {way: one.as_json() for way, one in timings.items() if way != "ours"},
                }
            )
            figures = ", ".join(f"{way} {one.ratio:.2f}x, memory {one.memory:.2f}x" for way, one in timings.items())
            print(f"{kind} | {name} | over ours: {figures}", flush=True)  # noqa: T201
    if not options.quick:
        save(
            {
                "benchmark": f"perceptual_{'gpu' if device == 'cuda' else 'cpu'}",
                **environment(options.threads),
                "rows": rows,
            }
        )


if __name__ == "__main__":
    main()
