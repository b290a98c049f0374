"""The derivatives of normalisation and activation on a GPU, by Triton and by CUDA C++: which one should serve?

``python -m benchmarks.backends`` on a machine with a CUDA device and the compiled module with its CUDA kernels.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.results import environment, save
from benchmarks.timing import compare
from monai_gan.ops import group_norm_act, input_gradient_only, use_backend

#: Name, shape, groups: contiguous maps whose groups fit the shared memory of a cluster of blocks.
CASES = [
    ("instance 2-D", (32, 128, 64, 64), 128),
    ("instance 2-D small", (32, 512, 16, 16), 512),
    ("instance 2-D, 256 px", (8, 32, 256, 256), 32),
    ("instance 3-D", (4, 64, 32, 32, 32), 64),
]
TYPES = [torch.float32, torch.bfloat16]


def work(shape: tuple[int, ...], groups: int, dtype: torch.dtype, backend: str) -> dict[str, Callable[[], Any]]:
    """The first and the second derivative, each alone on a graph that is there already."""
    torch.manual_seed(0)
    x, grad, v = (torch.randn(shape, device="cuda", dtype=dtype) for _ in range(3))
    weight, bias = (torch.rand(shape[1], device="cuda", dtype=dtype).requires_grad_() for _ in range(2))
    x.requires_grad_()
    grad.requires_grad_()
    with use_backend(backend):
        y = group_norm_act(x, groups, weight, bias)
        with input_gradient_only():
            (first,) = torch.autograd.grad(y, x, grad, create_graph=True)

    def derivative(result: Tensor, inputs: tuple[Tensor, ...], cotangent: Tensor) -> Callable[[], Any]:
        def run() -> None:
            with use_backend(backend):
                torch.autograd.grad(result, inputs, cotangent, retain_graph=True)

        return run

    return {
        "backward": derivative(y, (x, weight, bias), grad.detach()),
        "double backward": derivative(first, (grad, x, weight), v),
    }


def main() -> None:
    """Time all cases and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    rows = []
    for dtype in TYPES:
        for name, shape, groups in CASES:
            ways = {backend: work(shape, groups, dtype, backend) for backend in ("triton", "cuda")}
            for derivative in ways["triton"]:
                timings = compare(
                    {backend: ways[backend][derivative] for backend in ways}, "triton", "cuda", options.rounds
                )
                row = {
                    "operation": f"group_norm_act, {derivative}",
                    "case": name,
                    "shape": list(shape),
                    "dtype": str(dtype).removeprefix("torch."),
                    "opponents": {"CUDA C++": timings["cuda"].as_json()},
                }
                rows.append(row)
                print(f"{row['operation']} | {name} | {row['dtype']} | CUDA over Triton {timings['cuda'].ratio:.2f}")  # noqa: T201
    save({"benchmark": "backends_gpu", **environment(torch.get_num_threads()), "rows": rows})


if __name__ == "__main__":
    main()
