"""Figures of subjects that a training left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from benchmarks import left_out as module
from benchmarks.left_out import left_out
from benchmarks.pair_measures import Pair


def test_each_subject_is_measured_by_the_network_that_never_saw_it(tmp_path: Path, monkeypatch: Any) -> None:
    bundle = tmp_path / "bundle"
    errors = {"a": 0.1, "b": 0.01}
    for subject, steps in zip(errors, (7, 5), strict=True):
        metadata = tmp_path / "folds" / f"fold_{subject}" / "bundle" / "configs" / "metadata.json"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(json.dumps({"monai_gan": {"training": {"steps": steps}}}))

    def pairs(path: Path, case: Any, subject: str) -> list[Pair]:
        assert path == bundle
        assert case.split == "train"
        target = 0.5 + 0.1 * gaussian_filter(np.random.RandomState(0).standard_normal((16, 16, 8)), 1)
        return [Pair(1 - target, target, np.ones(target.shape, bool))]

    monkeypatch.setattr(module, "load_pairs", pairs)
    monkeypatch.setattr(module, "load", lambda folder, device: lambda image: errors[folder.parent.name[-1]])
    monkeypatch.setattr(module, "unit_scale", lambda error, model: pairs(bundle, module.CASE, "a")[0].target + error)
    text, block = left_out(bundle, tmp_path / "folds", "cpu")
    assert block["mae_mask"] == {"mean": 0.055, "standard_deviation": pytest.approx(0.0636, abs=1e-4), "n": 2}
    assert block["steps"] == [5, 7]
    assert "| a | 20.000 |" in text
    assert "| b | 40.000 |" in text
    assert "30.000 ± 14.142" in text
    with pytest.raises(SystemExit, match="at least 2 are needed"):
        left_out(bundle, tmp_path / "nothing", "cpu")
