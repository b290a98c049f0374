"""The Triton kernels in CUDA graphs, and what the compiler makes of them; the second needs no GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

triton = pytest.importorskip("triton")

from monai_gan.ops import bias_act  # noqa: E402
from monai_gan.ops._triton import gradient_norm_penalty, group_norm_act, interpolate, ssim  # noqa: E402
from monai_gan.ops._triton import group_norm_plan as plan  # noqa: E402
from monai_gan.ops.bias_act import reference as plain_bias_act  # noqa: E402

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")


def random(*shape: int) -> Tensor:
    return torch.randn(shape, device="cuda")


def captured(function: Callable[[], Tensor]) -> tuple[torch.cuda.CUDAGraph, Tensor]:
    function()  # compiles
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = function()
    return graph, out


@needs_gpu
@pytest.mark.parametrize("route", ["on_chip", "split"])
def test_replayed_graph_normalises_new_values(route: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if route == "split":
        monkeypatch.setattr(plan, "ON_CHIP", dict.fromkeys(plan.ON_CHIP, 0))
    x, grad, v = (random(2, 8, 16, 16) for _ in range(3))

    def passes() -> Tensor:
        z, mean, rstd = group_norm_act.forward(x, None, None, 2, 1e-5, True, 0.0)
        known = (grad, x, mean, rstd, None, None, 2, True, 0.0)
        return z + group_norm_act.double_backward(v, None, None, *known)[1] + group_norm_act.backward(*known, True)[0]

    graph, out = captured(passes)
    x.normal_()
    graph.replay()
    torch.testing.assert_close(out, passes(), rtol=0, atol=0)


@needs_gpu
def test_replayed_graph_draws_new_weights() -> None:
    real, fake = random(4, 100), random(4, 100)
    state = torch.tensor([7, 0], device="cuda")
    graph, weights = captured(lambda: interpolate.random(real, fake, state)[1])
    drawn = []
    for offset in range(3):
        state[1] = offset
        graph.replay()
        drawn.append(weights.tolist())
        assert drawn[-1] == interpolate.random(real, fake, state)[1].tolist()
    assert len(set(map(tuple, drawn))) == 3


@needs_gpu
def test_replayed_graph_reads_the_new_cotangent() -> None:
    grad = random(4, 100)
    scale = torch.ones((), device="cuda")
    _, norms = gradient_norm_penalty.forward(grad, 0, 10.0, 1.0)
    graph, out = captured(lambda: gradient_norm_penalty.backward(scale, grad, norms, 0, 10.0, 1.0))
    scale.fill_(3.0)
    graph.replay()
    torch.testing.assert_close(out, gradient_norm_penalty.backward(scale, grad, norms, 0, 10.0, 1.0), rtol=0, atol=0)


@needs_gpu
@pytest.mark.parametrize("shape", [(2, 2, 24, 20), (1, 2, 14, 13, 16)], ids=["2d", "3d"])
def test_replayed_graph_compares_new_images(shape: tuple[int, ...]) -> None:
    x, y = random(*shape), random(*shape)
    window = [11] * (len(shape) - 2), [1.5] * (len(shape) - 2), 1e-4, 9e-4
    ones = torch.ones(shape[:2], device="cuda")

    def passes() -> Tensor:
        similarity, contrast = ssim.forward(x, y, *window)
        gradients = ssim.backward(ones, ones, x, y, *window, True)
        return similarity.sum() + contrast.sum() + gradients[0] + gradients[1]

    graph, out = captured(passes)
    y.normal_()
    graph.replay()
    torch.testing.assert_close(out, passes(), rtol=0, atol=0)


@needs_gpu
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_bias_and_activation_in_one_pass_equal_the_definition(layout: torch.memory_format) -> None:
    x, bias = random(3, 5, 34, 30).contiguous(memory_format=layout).requires_grad_(), random(5).requires_grad_()
    v = random(3, 5, 34, 30)
    found = bias_act(x, bias, gain=1.5, clamp=2.0)
    expected = plain_bias_act(x.double(), bias.double(), "leaky_relu", 0.2, 1.5, 2.0)
    torch.testing.assert_close(found.double(), expected)
    for one, other in zip(
        torch.autograd.grad(found, (x, bias), v), torch.autograd.grad(expected, (x, bias), v.double()), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["90"], id="h100"),
        pytest.param(["90", "full"], id="h100_all_types", marks=pytest.mark.packaging),
        pytest.param(["80", "full"], id="a100_all_types", marks=pytest.mark.packaging),
    ],
)
def test_kernels_compile_for_gpus_without_spilling(arguments: list[str], tmp_path: Path) -> None:
    if not triton.backends.backends.get("nvidia"):
        pytest.skip("this Triton has no compiler for NVIDIA GPUs")
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    script = Path(__file__).with_name("triton_compile.py")
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {row["kernel"].partition(".")[0] for row in report} == {
        "bias_act",
        "gradient_norm_penalty",
        "group_norm_finish",
        "group_norm_map",
        "group_norm_on_chip",
        "group_norm_reduce",
        "interpolate",
        "perceptual_distance",
        "ssim_windows",
    }
    # Elements come in wide loads, and registers hold what they are meant to hold.
    # Windows slide along rows one element at a time, which no wide load can follow.
    narrow = "finish", "ssim_windows.slide", "ssim_windows.similarity", "ssim_windows.slopes"
    streaming = [
        row for row in report if not any(name in row["kernel"] for name in narrow) and "edge" not in row["case"]
    ]
    assert [row for row in streaming if not row["wide"]] == []
    assert [row for row in report if row["stack"] > 16] == []
