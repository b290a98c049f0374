"""The sections of the page of benchmarks on StyleGAN2: time of training steps, memory in three dimensions."""

from __future__ import annotations

from typing import Any

from benchmarks.results import measured_on, told_ratio


def stylegan2(report: dict[str, Any]) -> str:
    """Time over ours; on a GPU also seconds per thousand images and the most memory held."""
    gpu = not report["benchmark"].endswith("_cpu")
    columns = ["side", "batch", "type", "way", "time over ours (quartiles)"] + ["s per 1000 images", "GiB"] * gpu
    lines = [f"| {' | '.join(columns)} |", "|---|" + "---|" * (len(columns) - 1)]
    for row in report["rows"]:
        if "failed" in row:
            cells = [row["failed"]] + ["-", "-"] * gpu
        else:
            cells = [told_ratio(row) if "ratio" in row else "-"]
            cells += [f"{row['seconds_per_thousand']:.2f}", f"{row['memory_gib']:.1f}"] if gpu else []
        lines.append(f"| {row['side']} | {row['batch']} | {row['precision']} | {row['way']} | {' | '.join(cells)} |")
    published = (
        "NVIDIA published 6.8 s for 128 px, batch 32, on an A100 (their docs of StyleGAN2-ADA).\n" if gpu else ""
    )
    first = report["rows"][0]
    width, batch = first["width"], first["batch"]
    rounds = next((row["rounds"] for row in report["rows"] if "failed" not in row), 0)
    options = f" --batch {batch} --rounds {rounds}" + ("" if gpu else " --device cpu")
    options += f" --width {width}" if width else ""
    widths = f"{width} channels at the image's side" if width else "widths of NVIDIA's `auto` configuration"
    return "\n".join(
        [
            f"## Training steps of StyleGAN2-ADA, {'GPU' if gpu else 'CPU'}",
            "",
            f"Whole cycles of the lazy regularizers with adaptive augmentation, {widths}; the twin has the",
            "same weights and writes every layer down step by step.",
            f"{published}Made by `python -m benchmarks.stylegan2{options}`; the ways take turns.",
            "",
            *lines,
            "",
            f"{measured_on(report)}.",
        ]
    )


def stylegan2_memory(report: dict[str, Any]) -> str:
    """What steps hold, and what stays from step to step, in MiB."""
    rows = report["rows"]
    steps = list(rows[0]["steps"])
    columns = ["voxels per side", "batch", "type", "filters", *steps, "stays"]
    lines = [f"| {' | '.join(columns)} |", "|---|" + "---|" * (len(columns) - 1)]
    for row in rows:
        cells = [row["side"], row["batch"], row["precision"], "joined" if row["joined"] else "apart"]
        held = [*(row["steps"][step] for step in steps), row["standing"]]
        lines.append(f"| {' | '.join(map(str, cells))} | {' | '.join(f'{one / 2**20:.0f}' for one in held)} |")
    gpu = not report["benchmark"].endswith("_cpu")
    remark = "A CPU computes with filters apart from kernels, a GPU joins them. Workspaces are not seen."
    return "\n".join(
        [
            f"## Memory of StyleGAN2 in three dimensions, {'GPU' if gpu else 'CPU'}",
            "",
            f"MiB that each kind of training step holds at most in tensors, with {rows[0]['width']} channels at the",
            "volume's resolution; the last column is weights, optimizers and averaged weights.",
            *([] if gpu else [remark]),
            "Made by `python -m benchmarks.stylegan2_memory`.",
            "",
            *lines,
            "",
            f"{measured_on(report)}.",
        ]
    )
