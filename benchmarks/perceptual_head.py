"""The head of LPIPS: distances between the feature maps that VGG16 makes of images of 128 x 128 pixels, four layers.

Half of the features are zero, as behind a ReLU. Targets require no gradient, as in training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.opponents import eager_perceptual_head
from monai_gan.ops import perceptual_distance

SHAPES = [(4, 64, 128, 128), (4, 128, 64, 64), (4, 256, 32, 32), (4, 512, 16, 16)]

Head = Callable[[list[Tensor], list[Tensor], list[Tensor]], Tensor]


def work(
    device: str, dtype: torch.dtype, layout: str, *, compiled: bool
) -> Iterator[tuple[str, dict[str, Callable[[], Any]], int]]:
    """What is timed: name, ways, and how many times every feature map has to be read or written."""
    torch.manual_seed(0)
    memory_format = torch.channels_last if layout == "channels-last" else torch.contiguous_format

    def maps() -> list[Tensor]:
        return [
            torch.randn(shape, device=device, dtype=dtype).relu().contiguous(memory_format=memory_format)
            for shape in SHAPES
        ]

    features, targets = [one.requires_grad_() for one in maps()], maps()
    weights = [torch.rand(shape[1], device=device, dtype=dtype) for shape in SHAPES]
    heads: dict[str, Head] = {"ours": perceptual_distance, "PyTorch eager": eager_perceptual_head}
    if compiled:
        heads["torch.compile"] = torch.compile(eager_perceptual_head, dynamic=False)

    def forward(head: Head) -> Callable[[], Any]:
        def run() -> None:
            with torch.no_grad():
                head(features, targets, weights)

        return run

    def both(head: Head) -> Callable[[], Any]:
        return lambda: torch.autograd.grad(head(features, targets, weights).sum(), features)

    yield "forward", {name: forward(head) for name, head in heads.items()}, 2
    yield "value and gradient", {name: both(head) for name, head in heads.items()}, 2 + 3
