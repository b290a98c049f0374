"""Compile what the Triton kernel modules launch for GPUs that are not there, and print what they take, as JSON.

Usage: python triton_compile.py ARCH [full], without TRITON_INTERPRET. ARCH is 80 or 90. The host functions run on meta
tensors, so that the kernels have the tiles, types and alignments of real calls; each launch compiles instead.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime.jit import JITFunction

from monai_gan.ops._triton import (
    bias_act,
    gradient_norm_penalty,
    group_norm_act,
    group_norm_plan,
    interpolate,
    perceptual_distance,
    ssim,
)

compiled: list[Any] = []
LIMITS = group_norm_plan.ON_CHIP


class Pretended:
    """What Triton asks of a driver before it compiles."""

    def __init__(self, arch: int) -> None:
        self.arch = arch

    def get_current_target(self) -> GPUTarget:
        """The GPU to compile for."""
        return GPUTarget("cuda", self.arch, 32)

    def get_current_device(self) -> int:
        """Its index."""
        return 0

    def get_current_stream(self, device: int) -> int:
        """The stream of a launch that does not happen."""
        return 0


def compile_only(self: JITFunction, *arguments: Any, grid: Any, warmup: bool, **options: Any) -> None:
    """Stand in for JITFunction.run."""
    compiled.append(run(self, *arguments, grid=grid, warmup=True, **options))


def cases(full: bool) -> Iterator[tuple[Any, ...]]:
    """Arguments of :func:`call`. SiLU has all the terms; the other activations leave some out."""
    for dtype in [torch.bfloat16, torch.float32, torch.float16, torch.float64] if full else [torch.bfloat16]:
        for smooth in (True, False) if full else (True,):
            yield "on_chip", dtype, smooth, (64, 64, 32, 32), torch.contiguous_format
            yield "on_chip", dtype, smooth, (64, 64, 8, 8), torch.channels_last
            yield "split", dtype, smooth, (4, 64, 64, 64, 64), torch.contiguous_format
            yield "split", dtype, smooth, (4, 64, 64, 64, 64), torch.channels_last_3d
        # One step over the channels, and several.
        yield "perceptual", dtype, (4, 64, 128, 128), torch.contiguous_format
        yield "perceptual", dtype, (4, 512, 16, 16), torch.channels_last
        yield "perceptual", dtype, (4, 2048, 8, 8), torch.channels_last
        yield "penalty", dtype
        yield "interpolate", dtype
        yield "bias_act", dtype
        yield "ssim", dtype, (16, 1, 256, 256)
        if full:
            yield "ssim", dtype, (2, 2, 64, 64, 64)
    # Sizes of 1 are constants to Triton, and odd ones leave nothing aligned.
    for name in ("edge on_chip", "edge split"):
        yield name, torch.float32, True, (1, 1, 1), torch.contiguous_format
        if full:
            yield name, torch.float32, True, (1, 48, 5, 7), torch.channels_last
    yield "edge perceptual", torch.float32, (1, 1, 1), torch.contiguous_format
    yield "edge perceptual", torch.float32, (1, 48, 5, 7), torch.channels_last
    yield "edge penalty", torch.float32, 1
    yield "edge interpolate", torch.float32, 1
    yield "edge bias_act", torch.float32, 1
    yield "edge ssim", torch.float32, (1, 1, 1, 1)
    if full:
        yield "edge ssim", torch.float32, (1, 3, 13, 15, 17)


def call(name: str, dtype: torch.dtype, *how: Any) -> None:
    """Call the functions of one kernel module."""
    kind = name.split()[-1]
    if kind in ("on_chip", "split"):
        call_group_norm(kind, dtype, *how)
        return
    if kind == "perceptual":
        call_perceptual(dtype, *how)
        return
    if kind == "ssim":
        call_ssim(dtype, *how)
        return
    (size,) = how or (256,)
    images = torch.empty(min(size, 16), 1, size, size, dtype=dtype, device="meta")
    rows = torch.empty(len(images), dtype=torch.promote_types(dtype, torch.float32), device="meta")
    if kind == "bias_act":
        y = bias_act.forward(images, rows[:1], 0.2, 2**0.5, 256.0)
        bias_act.backward(images, y, 0.2, 2**0.5, 256.0)
        return
    if kind == "interpolate":
        interpolate.forward(images, images, rows)
        interpolate.random(images, images, torch.empty(2, dtype=torch.int64, device="meta"))
        return
    gradient_norm_penalty.forward(images, 1, 10.0, 1.0)
    gradient_norm_penalty.backward(rows[0], images, rows, 1, 10.0, 1.0)
    gradient_norm_penalty.double_backward(images, rows[0], images, rows, 1, 10.0, 1.0)


def call_group_norm(
    route: str, dtype: torch.dtype, smooth: bool, shape: tuple[int, ...], layout: torch.memory_format
) -> None:
    """Call the three passes on the route that is asked for."""
    group_norm_plan.ON_CHIP = LIMITS if route == "on_chip" else dict.fromkeys(LIMITS, 0)
    x = torch.empty(shape, dtype=dtype, device="meta").to(memory_format=layout)
    c = torch.empty(shape[1], dtype=torch.promote_types(dtype, torch.float32), device="meta")
    groups = min(16, shape[1])
    _, mean, rstd = group_norm_act.forward(x, c, c, groups, 1e-5, smooth, 0.2)
    group_norm_act.backward(x, x, mean, rstd, c, c, groups, smooth, 0.2, True)
    group_norm_act.double_backward(x, c, c, x, x, mean, rstd, c, c, groups, smooth, 0.2)


def call_perceptual(dtype: torch.dtype, shape: tuple[int, ...], layout: torch.memory_format) -> None:
    """Call both passes."""
    f = torch.empty(shape, dtype=dtype, device="meta").to(memory_format=layout)
    wide = torch.promote_types(dtype, torch.float32)
    weight, grad = torch.empty(shape[1], dtype=wide, device="meta"), torch.empty(len(f), dtype=wide, device="meta")
    _, statistics = perceptual_distance.forward(f, f, weight, 1e-10)
    r, along, target_r, _, gap = statistics.unbind()
    perceptual_distance.backward(grad, f, f, r, target_r, along, gap, weight)


def call_ssim(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    """Call both passes, with gradients of one image and of both."""
    x = torch.empty(shape, dtype=dtype, device="meta")
    axes = len(shape) - 2
    window = [min(11, *shape[2:])] * axes, [1.5] * axes, 1e-4, 9e-4
    similarity, contrast = ssim.forward(x, x, *window)
    for both in (False, True):
        ssim.backward(similarity, contrast, x, x, *window, both)


def resources(binary: bytes) -> dict[str, int]:
    """Registers per thread, and bytes of its stack, where spilled registers go."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        command = [triton.knobs.nvidia.cuobjdump.path, "-res-usage", file.name]
        usage = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    registers, stack = re.search(r"REG:(\d+) STACK:(\d+)", usage).groups()
    return {"registers": int(registers), "stack": int(stack)}


if __name__ == "__main__":
    run, JITFunction.run = JITFunction.run, compile_only
    triton.runtime.driver.set_active(Pretended(int(sys.argv[1])))
    report = []
    for case in cases(full="full" in sys.argv[2:]):
        call(*case)
        for kernel in compiled:
            wide = re.search(r"ld\.global[\w.]*\.v(4\.b32|2\.b64)", kernel.asm["ptx"])
            report.append(
                {
                    "case": " ".join(map(str, case)),
                    "kernel": f"{kernel.src.fn.__module__.rpartition('.')[2]}.{kernel.metadata.name}",
                    "warps": kernel.metadata.num_warps,
                    "wide": wide is not None,
                    **resources(kernel.asm["cubin"]),
                }
            )
        compiled.clear()
    sys.stdout.write(json.dumps(report))
