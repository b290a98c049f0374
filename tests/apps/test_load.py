from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

from monai_gan import apps
from monai_gan.apps import Synthesizer, load
from monai_gan.bundle import write_checksums
from monai_gan.errors import InputError, WeightsError


def test_a_synthesis_bundle_opens_as_a_synthesizer(tiny: Path) -> None:
    model = load("tiny_dcgan", device="cpu")
    assert isinstance(model, Synthesizer)
    assert not model.network.training
    images = model.sample(n=3, seed=1)
    assert images.shape == (3, 1, 8, 8)
    assert not images.requires_grad
    assert torch.equal(images, load(tiny, device="cpu").sample(n=3, seed=1))


def test_functions_are_not_hidden_by_the_files_of_the_same_name() -> None:
    for name in ("load", "synthesize", "detect", "train"):
        module = importlib.import_module(f"monai_gan.apps.{name}")
        assert getattr(apps, name) is vars(module)[name]


def test_unknown_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'translate_all'"):
        _ = apps.translate_all


@pytest.mark.parametrize(
    ("task", "message"),
    [("reconstruction", "is for 'reconstruction'.*possible: synthesis, translation"), ("", "names no task")],
)
def test_other_tasks_are_refused(task: str, message: str, tiny: Path) -> None:
    metadata = tiny / "configs" / "metadata.json"
    metadata.write_text(metadata.read_text().replace('"task": "synthesis"', f'"task": "{task}"'))
    write_checksums(tiny)
    with pytest.raises(InputError, match=message):
        load(tiny)


def test_weights_that_were_tampered_with_are_refused(tiny: Path) -> None:
    weights = tiny / "models" / "model.pt"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError) as caught:
        load(tiny)
    assert caught.value.exit_code == 10
