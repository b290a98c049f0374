from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from monai_gan.bundle import load_state, save_weights
from monai_gan.bundle.weights import load_weights
from monai_gan.errors import InvalidResultError, WeightsError


class MakesFolder:
    """When unpickled by plain pickle, creates a folder: what an attacker's object would do, made visible."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_round_trip_in_half_precision(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    path = save_weights(network, tmp_path / "models" / "model.pt")
    state = load_state(path)
    for name, tensor in network.state_dict().items():
        expected = torch.float16 if tensor.is_floating_point() else tensor.dtype
        assert state[name].dtype == expected
        torch.testing.assert_close(state[name].to(tensor.dtype), tensor, rtol=1e-3, atol=1e-6)
    other = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    load_weights(other, path)
    assert {p.dtype for p in other.parameters()} == {torch.float32}
    torch.testing.assert_close(other[0].weight, network[0].weight, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("bits", [8, 11])
def test_values_keep_as_many_bits_as_are_asked_for(bits: int, tmp_path: Path) -> None:
    values = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    values[:4] = torch.tensor([65504.0, -65504.0, 0.0, 1.0])
    path = save_weights({"w": values, "n": torch.arange(3)}, tmp_path / "model.pt", bits)
    state = load_state(path)
    torch.testing.assert_close(state["w"].float(), values, rtol=1.25 * 2.0**-bits, atol=1e-6)
    assert state["w"][2:4].tolist() == [0, 1]
    assert state["n"].tolist() == [0, 1, 2]
    whole = save_weights({"w": values, "n": torch.arange(3)}, tmp_path / "whole.pt")
    assert path.stat().st_size <= whole.stat().st_size * (0.9 if bits == 8 else 1)


def test_fewer_bits_than_any_value_needs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bits=1 is not possible: give 2 to 11"):
        save_weights({"w": torch.ones(1)}, tmp_path / "model.pt", 1)


def test_a_view_does_not_bring_its_whole_storage(tmp_path: Path) -> None:
    whole = torch.zeros(1000, 1000)
    path = save_weights({"w": whole[:, :2].t(), "n": torch.arange(1_000_000)[::100_000]}, tmp_path / "model.pt")
    assert path.stat().st_size < 20_000
    state = load_state(path)
    assert state["w"].is_contiguous()
    assert state["n"].tolist() == list(range(0, 1_000_000, 100_000))


def test_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    state = {"w": torch.linspace(-1, 1, 7)}
    assert (
        save_weights(state, tmp_path / "a.pt").read_bytes() == save_weights(state, tmp_path / "other.pt").read_bytes()
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(70000.0, "70000", id="beyond_half_precision"),
        pytest.param(float("inf"), "inf", id="infinite"),
        pytest.param(float("nan"), "nan", id="not_a_number"),
    ],
)
def test_value_that_half_precision_cannot_hold_is_refused(value: float, shown: str, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    save_weights({"good": torch.ones(1)}, path)
    before = path.read_bytes()
    with pytest.raises(InvalidResultError, match=f"'layer.weight' cannot be saved .* {shown}"):
        save_weights({"layer.weight": torch.tensor([1.0, value])}, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("form", ["torch", "plain_pickle", "inside_a_state_dict"])
def test_pickle_that_runs_code_is_refused_and_not_run(form: str, tmp_path: Path) -> None:
    marker, path = tmp_path / "was_here", tmp_path / "model.pt"
    evil = MakesFolder(marker)
    if form == "torch":
        torch.save(evil, path)
    elif form == "plain_pickle":
        path.write_bytes(pickle.dumps(evil, protocol=2))
    else:
        torch.save({"w": torch.ones(1), "x": evil}, path)
    with pytest.raises(WeightsError, match="refused") as caught:
        load_state(path)
    assert caught.value.exit_code == 10
    assert not marker.exists()
    # The attack itself works: this test would see it.
    buffer = io.BytesIO(pickle.dumps(evil))
    pickle.load(buffer)
    assert marker.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param([torch.ones(1)], "not a state dict", id="list"),
        pytest.param({"ema": {"generator": {"w": torch.ones(1)}}}, "training checkpoint", id="checkpoint"),
        pytest.param({"w": 3}, "not a state dict", id="number"),
    ],
)
def test_other_content_is_refused(content: Any, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(WeightsError, match=message):
        load_state(tmp_path / "model.pt")


def test_missing_truncated_and_empty_files(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with pytest.raises(WeightsError, match="missing"):
        load_state(path)
    save_weights({"w": torch.ones(100)}, path)
    for content in (path.read_bytes()[:-200], b"", b"not weights at all"):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="damaged"):
            load_state(path)


def test_mismatch_names_the_tensors(tmp_path: Path) -> None:
    state = {"weight": torch.ones(3, 2), "extra": torch.ones(1)}
    path = save_weights(state, tmp_path / "model.pt")
    network = nn.Linear(2, 4)
    before = network.weight.detach().clone()
    with pytest.raises(WeightsError) as caught:
        load_weights(network, path)
    assert "lack 'bias'" in str(caught.value)
    assert "have 'extra' too much" in str(caught.value)
    assert "'weight' the shape (3, 2) instead of (4, 2)" in str(caught.value)
    assert torch.equal(network.weight, before)
