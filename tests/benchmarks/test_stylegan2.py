"""The twin of the StyleGAN2 benchmark gives what the networks give."""

from __future__ import annotations

import copy

import pytest
import torch

from benchmarks import stylegan2_memory
from benchmarks.stylegan2 import build, measure, plain_twin
from monai_gan.variants import Phase, Step


def test_plain_twin_has_the_same_losses_and_gradients() -> None:
    ours = build(16, width=4)
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            if name.endswith("noise_strength"):
                parameter.fill_(0.3)
    twin = copy.deepcopy(ours)
    plain_twin(twin)
    batch = {"image": torch.rand(4, 1, 16, 16) * 2 - 1}
    phase = Phase("train", None, ())
    for half in ("discriminator", "generator"):
        losses = [getattr(variant, f"{half}_losses")(batch, Step(0, phase)) for variant in (ours, twin)]
        torch.testing.assert_close(losses[0], losses[1], rtol=1e-3, atol=1e-4)
        for one in losses:
            sum(one.values()).backward()
    for first, second in zip(ours.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(first.grad, second.grad, rtol=1e-2, atol=1e-3)


def test_every_way_of_a_cpu_is_timed_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.stylegan2.CYCLE", 4)
    rows = measure(8, 4, "cpu", "fp32", rounds=2, width=4)
    assert [row["way"] for row in rows] == ["ours", "ours, filters joined", "plain-torch twin"]
    assert rows[0]["ratio"] == 1
    for row in rows:
        assert (row["side"], row["batch"], row["rounds"]) == (8, 4, 2)
        assert row["quartiles"][0] <= row["ratio"] <= row["quartiles"][1]
        assert row["seconds_per_thousand"] > 0


def test_a_size_that_does_not_fit_in_memory_any_way_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr("benchmarks.stylegan2.GANTrainer", full)
    assert {row["failed"] for row in measure(8, 4, "cpu", "fp32", rounds=2, width=4)} == {"out of memory"}


def test_a_larger_batch_of_volumes_holds_more_memory_and_half_precision_less() -> None:
    variant = stylegan2_memory.build(8, width=8)
    held = {
        case: stylegan2_memory.step_memory(variant, "generator", *case, "cpu")
        for case in ((4, "fp32"), (8, "fp32"), (8, "bf16"))
    }
    assert max(held[4, "fp32"], held[8, "bf16"]) < held[8, "fp32"]
    weights = 4 * sum(p.numel() for p in variant.parameters())
    assert 3 * weights < stylegan2_memory.standing_memory(variant) < 4 * weights
