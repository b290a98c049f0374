"""The head of LPIPS: distances between all feature maps that a network makes of 8 images of 256 x 256 pixels.

Half of the features are zero, as behind a ReLU. Targets require no gradient, as in training. The gradient of the sum
over images asks for no multiplication; that of the mean is what a training loop wants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.opponents import eager_perceptual_head
from monai_gan.losses.perceptual.networks import NETWORKS
from monai_gan.ops import perceptual_distance

KINDS = ("squeeze", "alex", "vgg")
IMAGES, QUICK = (8, 3, 256, 256), (2, 3, 32, 32)

Head = Callable[[list[Tensor], list[Tensor], list[Tensor]], Tensor]


def shapes_of(kind: str, images: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes of the feature maps of a network."""
    network = NETWORKS[kind].build().to("meta")
    return [tuple(one.shape) for one in network(torch.empty(images, device="meta"))]


def work(
    shapes: list[tuple[int, ...]], device: str, dtype: torch.dtype, layout: str, *, compiled: bool
) -> Iterator[tuple[str, dict[str, Callable[[], Any]], int]]:
    """What is timed: name, ways, and how many times every feature map has to be read or written."""
    torch.manual_seed(0)
    memory_format = torch.channels_last if layout == "channels-last" else torch.contiguous_format

    def maps() -> list[Tensor]:
        return [
            torch.randn(shape, device=device, dtype=dtype).relu().contiguous(memory_format=memory_format)
            for shape in shapes
        ]

    features, targets = [one.requires_grad_() for one in maps()], maps()
    weights = [torch.rand(shape[1], device=device, dtype=dtype) for shape in shapes]
    heads: dict[str, Head] = {"ours": perceptual_distance, "PyTorch eager": eager_perceptual_head}
    if compiled:
        heads["torch.compile"] = torch.compile(eager_perceptual_head, dynamic=False)

    def forward(head: Head) -> Callable[[], Any]:
        def run() -> None:
            with torch.no_grad():
                head(features, targets, weights)

        return run

    def both(head: Head, reduce: Callable[[Tensor], Tensor]) -> Callable[[], Any]:
        return lambda: torch.autograd.grad(reduce(head(features, targets, weights)), features)

    yield "forward", {name: forward(head) for name, head in heads.items()}, 2
    # Both feature maps of a layer are read, and one gradient is written.
    yield "value and gradient of the sum", {name: both(head, torch.sum) for name, head in heads.items()}, 3
    yield "value and gradient of the mean", {name: both(head, torch.mean) for name, head in heads.items()}, 3
