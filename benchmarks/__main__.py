"""Measure and publish: ``python -m benchmarks --suite cpu``, or ``--suite gpu`` on a machine with one.

Results go to ``benchmarks/results/<benchmark>_<device>.json``, and ``docs/benchmarks.md`` is written from all of them.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch

from benchmarks import critic_step, operations, perceptual, report, similarity, timing
from benchmarks.results import environment, save

BENCHMARKS = {
    "operations": operations.measure,
    "critic_step": critic_step.measure,
    "perceptual": perceptual.measure,
    "similarity": similarity.measure,
}
TYPES = {"cpu": [torch.float32], "cuda": [torch.float32, torch.bfloat16]}


def arm(device: str, threads: int) -> None:
    """Give every opponent what PyTorch offers: all threads, TF32 and the search for the fastest convolution."""
    torch.set_num_threads(threads)
    if device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True


def main() -> None:
    """Run a suite and write its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", choices=["cpu", "gpu"], default="gpu" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--only", choices=list(BENCHMARKS), action="append", help="a benchmark; may be repeated")
    parser.add_argument("--rounds", type=int, default=15, help="timed rounds; more on a busy machine")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, printed and not stored: does it run?")
    parser.add_argument("--without", nargs="+", default=[], metavar="OPPONENT", help='left out, as "torch.compile"')
    options = parser.parse_args()
    timing.LEFT_OUT.update(options.without)
    if options.rounds < 2:
        parser.error(f"--rounds {options.rounds} gives no spread; use 2 or more.")
    device = {"cpu": "cpu", "gpu": "cuda"}[options.suite]
    if device == "cuda" and not torch.cuda.is_available():
        parser.error("--suite gpu needs a CUDA device, and torch finds none; use --suite cpu.")
    arm(device, options.threads)
    for name in options.only or BENCHMARKS:
        rows: list[dict[str, Any]] = []
        for dtype in TYPES[device]:
            for row in BENCHMARKS[name](device, options.rounds, dtype, options.quick):
                print(_line(row), flush=True)  # noqa: T201
                rows.append(row)
                # Kept row by row: what is measured stays when the time for the rest runs out.
                if not options.quick:
                    save({"benchmark": f"{name}_{options.suite}", **environment(options.threads), "rows": rows})
    if not options.quick:
        report.main()


def _line(row: dict[str, Any]) -> str:
    figures = ", ".join(f"{name} {one['ratio']:.2f}x" for name, one in row["opponents"].items())
    return f"{row.get('operation', 'critic step')} | {row['case']} | {row['dtype']} | time over ours: {figures}"


if __name__ == "__main__":
    main()
