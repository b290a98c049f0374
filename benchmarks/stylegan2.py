"""Training steps of StyleGAN2-ADA against a plain-torch twin of the same networks, in seconds per thousand images.

    python -m benchmarks.stylegan2 [--device cuda] [--sides 64 128 256] [--batch 32] [--precision fp32]

The result goes to ``benchmarks/results/stylegan2_<device>.json``.

The twin has the same weights, losses and trainer, and computes layers as one writes them down: a convolution, then a
filter, noise, bias, activation and gain one after the other, a kernel per sample for modulated convolutions. A test
compares both. Widths are those of NVIDIA's ``auto`` configuration, 16384 over the side of the image, at most 512. Each
way is warmed up until every kind of step has been captured; then the ways take turns, a cycle of the lazy regularizers
at a time. "Filters apart" and "filters joined" are ours with the choice of :func:`joins_filters` turned round.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.results import environment, save
from benchmarks.timing import against, take_turns
from monai_gan.engines import GANTrainer
from monai_gan.losses import GradientPenalty
from monai_gan.networks.blocks import style, style_layers
from monai_gan.networks.blocks.style import StyleConv, ToImage
from monai_gan.networks.blocks.style_layers import TAPS, EqualConv
from monai_gan.networks.nets import StyleGAN2Discriminator, StyleGAN2Generator
from monai_gan.variants import AdaptiveAugment, Augmentation, StyleGAN2

#: Iterations of a cycle of the lazy regularizers, and cycles before a measurement on a GPU: R1 is captured at its
#: fourth time.
CYCLE, WARM_UP = 16, 5
OURS, TWIN = "ours", "plain-torch twin"


def ways(device: str) -> dict[str, dict[str, Any]]:
    """The options of the trainer for each way of a device."""
    if device == "cpu":
        return {OURS: {"channels_last": True}, "ours, filters joined": {"channels_last": True}, TWIN: {}}
    graphs = {"cuda_graph": True, "channels_last": True}
    return {OURS: graphs, "ours, filters apart": graphs, "ours, no graphs": {"channels_last": True}, TWIN: {}}


def plain_twin(network: nn.Module) -> nn.Module:
    """Let the layers of a network compute step by step; parameters stay."""
    forms = {StyleConv: plain_style_conv, ToImage: plain_to_image, EqualConv: plain_equal_conv}
    for module in network.modules():
        if type(module) in forms:
            module.forward = partial(forms[type(module)], module)  # type: ignore[method-assign]
    return network


def plain_style_conv(layer: StyleConv, x: Tensor, w: Tensor, noise: Tensor | None = None) -> Tensor:
    """A kernel per sample, zeros between pixels, a filter, noise, bias, activation, gain."""
    y = _per_sample(x, layer.weight, layer.affine(w), demodulate=True, up=layer.up)
    y = y + (layer.noise if noise is None else noise) * layer.noise_strength
    return F.leaky_relu(y + layer.bias[:, None, None], 0.2) * 2**0.5


def plain_to_image(layer: ToImage, x: Tensor, w: Tensor) -> Tensor:
    """A kernel per sample, then the bias."""
    y = _per_sample(x, layer.weight, layer.affine(w) * layer.scale, demodulate=False, up=1)
    return y + layer.bias[:, None, None]


def plain_equal_conv(layer: EqualConv, x: Tensor) -> Tensor:
    """A filter, a convolution, bias, activation, gain."""
    weight = layer.weight * (layer.scale / layer.gain)
    k = weight.shape[-1]
    if layer.down == 2:
        x = _blur(x, padding=(k + 1) // 2)
    y = F.conv2d(x, weight, stride=layer.down, padding=0 if layer.down == 2 else k // 2)
    y = y if layer.bias is None else y + layer.bias[:, None, None]
    if layer.activation == "leaky_relu":
        y = F.leaky_relu(y, 0.2)
    return y * layer.gain


def _per_sample(x: Tensor, weight: Tensor, style: Tensor, *, demodulate: bool, up: int) -> Tensor:
    n, (out, _, k, _) = len(x), weight.shape
    kernels = weight * style[:, None, :, None, None]
    if demodulate:
        kernels = kernels * (kernels.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    joined = x.reshape(1, -1, *x.shape[2:])
    if up == 1:
        y = F.conv2d(joined, kernels.flatten(0, 1), padding=k // 2, groups=n)
        return y.reshape(n, out, *y.shape[2:])
    y = F.conv_transpose2d(joined, kernels.transpose(1, 2).flatten(0, 1), stride=2, groups=n)
    return _blur(y.reshape(n, out, *y.shape[2:]), padding=1) * 4


def _blur(x: Tensor, padding: int) -> Tensor:
    taps = torch.tensor(TAPS, device=x.device, dtype=x.dtype)
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(x, kernel, padding=padding, groups=x.shape[1])


def build(
    side: int,
    width: int | None = None,
    spatial_dims: int = 2,
    latent_size: int = 512,
    max_channels: int = 512,
    mapping_layers: int = 2,
) -> StyleGAN2:
    """The variant of one image size with fixed weights."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"image_size": side, "channels": width or 16384 // side, "max_channels": max_channels}
    return StyleGAN2(
        StyleGAN2Generator(spatial_dims, latent_size, **sizes, mapping_layers=mapping_layers),
        StyleGAN2Discriminator(spatial_dims, **sizes),
        AdaptiveAugment(Augmentation(spatial_dims), start=0.3),
        GradientPenalty("r1", weight=1.0, interval=CYCLE),
    )


def measure(side: int, batch: int, device: str, precision: str, rounds: int, width: int | None) -> list[dict]:
    """A row per way: median seconds per thousand images, time over ours with quartiles, the most memory held."""
    cycles: dict[str, Callable[[], None]] = {}
    memory: dict[str, float | None] = {}
    rows: dict[str, dict[str, Any]] = {}
    for way in ways(device):
        try:
            cycles[way], memory[way] = _cycle(way, side, batch, device, precision, width)
        except torch.OutOfMemoryError:
            rows[way] = {"failed": "out of memory"}
            torch.cuda.empty_cache()
    seconds = take_turns(cycles, device, rounds)
    for way, each in seconds.items():
        rows[way] = {"seconds_per_thousand": 1000 * statistics.median(each) / (CYCLE * batch), "rounds": rounds}
        rows[way]["memory_gib"] = memory[way]
        if OURS in seconds:
            timing = against(each, seconds[OURS], 1.0)
            rows[way] |= {"ratio": timing.ratio, "quartiles": timing.quartiles}
    case = {"side": side, "batch": batch, "precision": precision, "width": width}
    return [case | {"way": way} | rows[way] for way in ways(device)]


def _cycle(
    way: str, side: int, batch: int, device: str, precision: str, width: int | None
) -> tuple[Callable[[], None], float | None]:
    """A call that trains over one cycle of the lazy regularizers, warmed up, and on a GPU the GiB that it held."""
    if device != "cpu":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    variant = build(side, width)
    if way == TWIN:
        plain_twin(variant)
    images = torch.rand(8 * batch, 1, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    batches = [{"image": part} for part in images.to(device).split(batch)]
    trainer = GANTrainer(
        device,
        1,
        batches,
        variant,
        {name: torch.optim.Adam(net.parameters(), 2e-3, (0.0, 0.99)) for name, net in variant.networks.items()},
        precision=precision,
        epoch_length=CYCLE,
        **ways(device)[way],
    )
    joins = {"ours, filters joined": True, "ours, filters apart": False}

    def cycle() -> None:
        with filters(joins[way]) if way in joins else nullcontext():
            trainer.run()
        trainer.state.max_epochs += 1

    for _ in range(1 if device == "cpu" else WARM_UP):
        cycle()
    if device == "cpu":
        return cycle, None
    torch.cuda.synchronize()
    return cycle, (torch.cuda.max_memory_allocated() - before) / 2**30


@contextmanager
def filters(joined: bool) -> Iterator[None]:
    """Join filters with kernels, or leave them apart, whatever the device."""
    with (
        patch.object(style_layers, "joins_filters", lambda x: joined),
        patch.object(style, "joins_filters", lambda x: joined),
    ):
        yield


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--rounds", type=int, default=5, help="in which each way trains over one cycle; 2 or more")
    parser.add_argument("--width", type=int, help="channels at the image's resolution; default 16384 over its side")
    arguments = parser.parse_args()
    rows = []
    for side in arguments.sides:
        options = (arguments.batch, arguments.device, arguments.precision, arguments.rounds, arguments.width)
        for row in measure(side, *options):
            rows.append(row)
            print(row, flush=True)  # noqa: T201
        # Kept side by side: what is measured stays when the time for the rest runs out.
        save({"benchmark": f"stylegan2_{arguments.device}", **environment(torch.get_num_threads()), "rows": rows})
        if arguments.device != "cpu":
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
