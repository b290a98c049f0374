"""Rows of enhancement: each model and each rival is measured on every pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor

from benchmarks import pair_measures
from benchmarks.enhancement_figures import measure_rows
from benchmarks.pair_measures import Pair


def test_rows_are_means_over_the_pairs(monkeypatch: Any) -> None:
    monkeypatch.setattr(pair_measures, "perceptual", lambda *arguments: 0.0)
    noise = np.random.default_rng(0).random((2, 16, 16, 8)).astype(np.float32)
    pairs = [Pair(one, one, one > 0.02, spacing=(1.0, 1.0, 1.0)) for one in noise]

    def darker(image: MetaTensor) -> torch.Tensor:
        return image.as_tensor() - 0.1

    rows, first = measure_rows(pairs, {"this model": darker}, {"brighter": lambda pair: pair.image + 0.2})  # type: ignore[dict-item]
    assert list(rows) == ["this model", "brighter"]
    np.testing.assert_allclose(first, noise[0] - 0.1, atol=1e-6)
    np.testing.assert_allclose([rows["this model"]["mae_mask"], rows["brighter"]["mae_mask"]], [0.1, 0.2], atol=1e-5)
    np.testing.assert_allclose(rows["this model"]["psnr_mask"], 20, atol=1e-3)
