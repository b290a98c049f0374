"""The table of StyleGAN2's training steps."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.stylegan2_section import stylegan2, stylegan2_memory


def report(device: str) -> dict[str, Any]:
    row = {"side": 64, "batch": 32, "precision": "fp32", "width": None, "rounds": 3}
    rows = [
        row | {"way": "ours", "seconds_per_thousand": 2.0, "memory_gib": 1.0},
        row
        | {"way": "plain-torch twin", "seconds_per_thousand": 5.0, "memory_gib": 3.0}
        | {"ratio": 2.5, "quartiles": [2.25, 3.0]},
        row | {"side": 256, "way": "ours", "failed": "out of memory"},
    ]
    more = {"date": "2026-01-01", "device": "a device", "threads": 1, "versions": {"torch": "2"}}
    return {"benchmark": f"stylegan2_{device}", "rows": rows, **more}


@pytest.mark.parametrize(("device", "more"), [("cpu", ""), ("cuda", " 5.00 | 3.0 |")])
def test_ratios_are_over_ours_and_seconds_are_for_a_gpu_alone(device: str, more: str) -> None:
    text = stylegan2(report(device))
    assert f"| 64 | 32 | fp32 | plain-torch twin | **2.50** (2.25 to 3.00) |{more}\n" in text
    assert f"`python -m benchmarks.stylegan2 --batch 32 --rounds 3{' --device cpu' if device == 'cpu' else ''}`" in text
    assert "| 256 | 32 | fp32 | ours | out of memory |" in text
    assert ("6.8 s" in text) == (device == "cuda")


def test_memory_is_told_in_mib_by_step_and_filters() -> None:
    row = {"side": 32, "batch": 4, "width": 16, "precision": "fp32", "standing": 3 * 2**20}
    rows = [row | {"joined": joined, "steps": {"generator": (5 - joined) * 2**20}} for joined in (False, True)]
    text = stylegan2_memory(report("memory_cpu") | {"rows": rows})
    assert "| voxels per side | batch | type | filters | generator | stays |" in text
    assert "| 32 | 4 | fp32 | apart | 5 | 3 |" in text
    assert "| 32 | 4 | fp32 | joined | 4 | 3 |" in text
