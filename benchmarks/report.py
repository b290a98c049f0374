"""Write docs/benchmarks.md from the stored results: ``python -m benchmarks.report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.cross_modality_section import cross_modality
from benchmarks.downstream_section import downstream
from benchmarks.results import RESULTS, measured_on, told_ratio
from benchmarks.stylegan2_section import stylegan2, stylegan2_memory

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

This page is written by `python -m benchmarks.report` from `benchmarks/results/*.json`. Every figure is a ratio against
a named opponent, measured in one run; machines differ, and so do shared machines from hour to hour, so absolute times
are left out. `python -m benchmarks --suite cpu` (or `gpu`) measures the operations and the critic step again.
"""
NO_GPU = "\nNo speed has been measured on a GPU yet; `make gpu-check` does that on a machine with one.\n"


def trainer_overhead(report: dict[str, Any]) -> str:
    """The section on the trainer's cost."""
    rows = [
        f"| {r['bundle']} | {r['precision']} | {r['ratio']:.3f} "
        f"| {r['quartiles'][0]:.3f} to {r['quartiles'][1]:.3f} | {r['blocks']} x {r['steps_per_block']} |"
        for r in report["results"]
    ]
    return "\n".join(
        [
            "## What the trainer costs",
            "",
            "`GANTrainer`, with averaged weights, guard and events, against the same step written by hand in plain",
            "torch on tensors in memory (64 px, batch 32); 1 means no cost.",
            "Made by `python -m benchmarks.trainer_overhead`.",
            "",
            "| networks of | precision | time, trainer / bare loop | quartiles | pairs x steps |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"{measured_on(report)}; peak memory of the process with both loops {report['peak_memory_mib']} MiB.",
        ]
    )


def operations(report: dict[str, Any]) -> str:
    """The section on the fused operations on one kind of device."""
    return "\n".join(
        [
            f"## The fused operations, {report['benchmark'].rpartition('_')[2].upper()}",
            "",
            "Time of the opponent over ours (quartiles), then its peak memory over ours; above 1 ours is the better.",
            "`PyTorch eager` is `F.group_norm` and `F.leaky_relu`, or the textbook formula; `function pair` is an",
            "`autograd.Function` with a differentiable backward, the manner of StyleGAN's code; `torch.compile` uses",
            "`torch.func`. The last column is the least memory traffic that the work needs, each operand once, over",
            "its time, as a share of what a copy of the same size reaches in the same run; where data stay in the",
            "cache it can exceed 1, and work that computes more than it reads is below.",
            "",
            "| operation | case | type | opponents: time (quartiles), memory | of copy |",
            "|---|---|---|---|---|",
            *(
                f"| {r['operation']} | {r['case']} {_shape(r['shape'])} | {r['dtype']} | {_opponents(r)} "
                f"| {r['copy_bandwidth_share']:.2f} |"
                for r in report["rows"]
            ),
            "",
            _machine(report),
        ]
    )


def similarity(report: dict[str, Any]) -> str:
    """The section on structural similarity on one kind of device."""
    return _losses(
        report,
        "Structural similarity",
        "Value and gradient of a loss with a Gaussian window of 11. `torch.compile` is our definition in plain",
        "torch, compiled. Packages that are not installed, or have no volumes, are left out.",
    )


def perceptual(report: dict[str, Any]) -> str:
    """The section on the perceptual loss on one kind of device."""
    return _losses(
        report,
        "The perceptual loss",
        "Value and gradient, LPIPS networks with random weights. `MONAI` is its class as it comes, `MONAI armed` and",
        "`lpips` are frozen and channels-last, and so is the textbook form in `PyTorch eager` and `torch.compile`.",
        "`ours, kept target` is our own loss with the target's features from an earlier call.",
    )


def backends(report: dict[str, Any]) -> str:
    """The section on the kernels of a GPU that are there twice."""
    return _losses(
        report,
        "Triton and CUDA C++",
        "Derivatives of normalisation and activation by the kernels in CUDA C++, which have to be asked for, against",
        "those in Triton, which serve by default: above 1 Triton is the faster.",
    )


def _losses(report: dict[str, Any], title: str, *text: str) -> str:
    """A section on losses: what was timed, against whom, and by how much."""
    return "\n".join(
        [
            f"## {title}, {report['benchmark'].rpartition('_')[2].upper()}",
            "",
            *text,
            "",
            "| operation | case | type | opponents: time over ours (quartiles), memory over ours |",
            "|---|---|---|---|",
            *(
                f"| {r['operation']} | {r['case']} {_shape(r['shape'])} | {r['dtype']} | {_opponents(r)} |"
                for r in report["rows"]
            ),
            "",
            _machine(report),
        ]
    )


def critic_step(report: dict[str, Any]) -> str:
    """The section on whole critic steps on one kind of device."""
    return "\n".join(
        [
            f"## A WGAN-GP critic step, {report['benchmark'].rpartition('_')[2].upper()}",
            "",
            "Losses of real and generated images, gradient penalty, gradients of all parameters; the residual critic",
            "of Gulrajani 2017 with layer normalisation, channels-last, everything that PyTorch offers switched on for",
            "all, on a GPU each step as a CUDA graph. `torch.compile` compiles the penalty with the critic inside. The",
            "bound is Amdahl's: the eager step over the same step without normalisation and activation.",
            "",
            "| case | type | opponents: time over ours (quartiles), memory over ours | bound |",
            "|---|---|---|---|",
            *(f"| {r['case']} | {r['dtype']} | {_opponents(r)} | {r['amdahl_bound']:.2f} |" for r in report["rows"]),
            "",
            _machine(report),
        ]
    )


def _memory(ratio: float) -> str:
    """Where ours needs no more than a few numbers, how many times that is says nothing."""
    return f"{ratio:.2f}" if ratio < 1000 else "more than 1000"


def _opponents(row: dict[str, Any]) -> str:
    return "; ".join(f"{name} {told_ratio(one)}, {_memory(one['memory'])}" for name, one in row["opponents"].items())


def _shape(shape: list[int]) -> str:
    return "x".join(map(str, shape))


def _machine(report: dict[str, Any]) -> str:
    rounds = next(iter(report["rows"][0]["opponents"].values()))["rounds"]
    return f"{measured_on(report)}; {rounds} rounds."


def fid(report: dict[str, Any]) -> str:
    """The section on the Fréchet distance."""
    rows = [
        f"| {r['n']} | {r['features']} | {r['ratio']:.1f} | {r['range'][0]:.1f} to {r['range'][1]:.1f} "
        f"| {r['relative_difference']:.0e} |"
        for r in report["results"]
    ]
    return "\n".join(
        [
            "## Fréchet distance",
            "",
            "`monai_gan.metrics.FIDMetric` against MONAI's `FIDMetric` on the same two matrices of features; how many",
            f"times as much processor time MONAI's takes, median of {report['rounds']} rounds.",
            "Made by `python -m benchmarks.fid`.",
            "",
            "| images in each set | features | time, MONAI's / this | range | relative difference of the figures |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"{measured_on(report)}.",
        ]
    )


def adaptive_augment(report: dict[str, Any]) -> str:
    """The section on augmentation with few images."""
    rows = [
        f"| {r['augmentation']} | {r['steps']} | {r['kid']:.3f} | {r['fid']:.0f} | {r['precision']:.2f} "
        f"| {r['recall']:.2f} | {r['coverage']:.2f} |"
        for r in report["rows"]
    ]
    return "\n".join(
        [
            "## Adaptive augmentation with a hundred images",
            "",
            f"StyleGAN2 on {report['images']} training images of `busi128` with {report['side']} pixels per side,",
            "trained for the same time side by side, against the test images.",
            "Made by `python -m benchmarks.adaptive_augment`.",
            "",
            "| augmentation | steps | KID | FID | precision | recall | coverage |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"Measured on {measured_on(report)}.",
        ]
    )


SECTIONS = {
    "adaptive_augment": adaptive_augment,
    "backends_gpu": backends,
    "critic_step_cpu": critic_step,
    "critic_step_gpu": critic_step,
    "cross_modality": cross_modality,
    "downstream": downstream,
    "fid": fid,
    "operations_cpu": operations,
    "operations_gpu": operations,
    "perceptual_cpu": perceptual,
    "perceptual_gpu": perceptual,
    "similarity_cpu": similarity,
    "similarity_gpu": similarity,
    "stylegan2_cpu": stylegan2,
    "stylegan2_cuda": stylegan2,
    "stylegan2_memory_cpu": stylegan2_memory,
    "stylegan2_memory_cuda": stylegan2_memory,
    "trainer_overhead": trainer_overhead,
}


def page() -> str:
    """The page; results that have a page of their own are left to it."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    reports = [report for report in found if report.get("benchmark") in SECTIONS]
    head = HEAD if any(r["benchmark"].endswith(("_gpu", "_cuda")) for r in reports) else HEAD + NO_GPU
    return "\n".join([head, *(SECTIONS[r["benchmark"]](r) + "\n" for r in reports)])


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
