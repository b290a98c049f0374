"""A bundle of a conditional generator, sampled by class, in two and three dimensions and without trust."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_conditional import build_classes_bundle

from monai_gan.apps import load
from monai_gan.apps.synthesize import synthesize
from monai_gan.errors import InputError


@pytest.fixture(params=[2, 3], ids=["2d", "3d"])
def bundle(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return build_classes_bundle(tmp_path, request.param)


def stated(files: list[Path]) -> list[Any]:
    return [json.loads((file.parent / f"{file.name.split('.')[0]}.json").read_text())["label"] for file in files]


def test_classes_in_turn_by_name_and_by_number(bundle: Path, tmp_path: Path) -> None:
    assert stated(synthesize(bundle, 4, tmp_path / "turn", device="cpu")) == ["brain", "liver", "lung", "brain"]
    assert stated(synthesize(bundle, 2, tmp_path / "one", label="lung", device="cpu")) == ["lung", "lung"]
    assert stated(synthesize(bundle, 2, tmp_path / "each", label=["2", 0], device="cpu")) == ["lung", "brain"]
    with pytest.raises(InputError, match=r"label='3' is unknown.*0 \(brain\), 1 \(liver\), 2 \(lung\)"):
        synthesize(bundle, 1, tmp_path / "none", label="3", device="cpu")
    assert not (tmp_path / "none").exists()


def test_a_sample_in_turn_is_that_of_its_class(bundle: Path) -> None:
    model = load(bundle, device="cpu")
    whole = model.sample(5, seed=3)
    assert torch.equal(model.sample(3, seed=3, start=2), whole[2:])
    assert torch.equal(model.sample(1, seed=3, start=4, label="liver"), whole[4:])
    assert not torch.equal(model.sample(1, seed=3, start=4, label="lung"), whole[4:])
