"""The most memory that training steps of StyleGAN2 hold in tensors, in three dimensions.

    python -m benchmarks.stylegan2_memory [--device cuda] [--sides 32 64] [--batch 4] [--width 16]

The result goes to ``benchmarks/results/stylegan2_memory_<device>.json``.

Every kind of step runs once by itself, with adaptive augmentation: the losses and their gradients; what stays from step
to step (weights, Adam's moments, averaged weights) is counted apart. On a CPU tensors are counted by torch's
profiler, with filters apart from kernels, as a CPU computes them, and joined, as a GPU does; what a library takes for
itself within a convolution is not seen there.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch.amp import GradScaler

from benchmarks import stylegan2
from benchmarks.results import environment, save
from benchmarks.timing import peak_memory
from monai_gan.engines.half_step import HalfStep
from monai_gan.variants import Half, Part, Phase, Step, StyleGAN2

STEPS: dict[str, tuple[Half, Part]] = {
    "discriminator": ("discriminator", "main"),
    "R1": ("discriminator", "regularizer"),
    "generator": ("generator", "main"),
    "path length": ("generator", "regularizer"),
}
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def build(side: int, width: int) -> StyleGAN2:
    """The variant for volumes of one size."""
    return stylegan2.build(side, width, spatial_dims=3, latent_size=128, max_channels=128, mapping_layers=4)


def step_memory(variant: StyleGAN2, step: str, batch: int, precision: str, device: str) -> int:
    """Bytes that losses and gradients of one kind of step hold at most."""
    half, part = STEPS[step]
    network = variant.networks[half]
    work = HalfStep(
        variant,
        half,
        {half: torch.optim.Adam(network.parameters())},
        {name: list(one.parameters()) for name, one in variant.networks.items()},
        GradScaler(device, enabled=False),
        TYPES[precision],
        None,
        torch.device(device),
    )
    side = variant.generator.image_size
    batches = [{"image": torch.zeros(batch, 1, *side, device=device)}]
    steps = [Step(0, Phase("train", None, ()), part=part)]
    return peak_memory(lambda: work.backward(batches, steps), device)


def standing_memory(variant: StyleGAN2) -> int:
    """Bytes of weights, Adam's two moments and the averaged generator, in float32."""
    counts = {name: sum(p.numel() for p in one.parameters()) for name, one in variant.networks.items()}
    return 4 * (3 * sum(counts.values()) + counts["generator"])


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--sides", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--width", type=int, default=16, help="channels at the volume's resolution")
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for side in arguments.sides:
        for precision in TYPES:
            for joined in (False, True) if arguments.device == "cpu" else (True,):
                variant = build(side, arguments.width).to(arguments.device)
                row: dict[str, Any] = {"side": side, "batch": arguments.batch, "width": arguments.width}
                row |= {"precision": precision, "joined": joined, "standing": standing_memory(variant)}
                with stylegan2.filters(joined):
                    row["steps"] = {
                        step: step_memory(variant, step, arguments.batch, precision, arguments.device) for step in STEPS
                    }
                rows.append(row)
                print(row, flush=True)  # noqa: T201
    threads = torch.get_num_threads()
    save({"benchmark": f"stylegan2_memory_{arguments.device}", **environment(threads), "rows": rows})


if __name__ == "__main__":
    main()
