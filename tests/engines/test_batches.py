"""Batches from loaders of any kind, in the trainer's form."""

from __future__ import annotations

import logging

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor

from monai_gan.engines import prepare_gan_batch
from monai_gan.engines.batches import FreshBatches
from monai_gan.errors import InputError


def test_metadata_stays_behind() -> None:
    image = MetaTensor(torch.rand(2, 1, 4, 4), affine=torch.eye(4))
    batch = prepare_gan_batch({"image": image, "name": ["a", "b"]}, torch.device("cpu"))
    assert type(batch["image"]) is Tensor
    assert torch.equal(batch["image"], image.as_tensor())
    assert batch["name"] == ["a", "b"]


def test_an_iteration_takes_as_many_batches_as_it_needs_across_the_end_of_the_loader() -> None:
    needs = iter([2, 1, 3])
    batches = FreshBatches(["a", "b", "c"], lambda: next(needs))
    assert [next(batches) for _ in range(3)] == [["a", "b"], ["c"], ["a", "b", "c"]]
    assert batches.epoch_length(2) == 1


def test_loader_without_length_or_position(caplog: pytest.LogCaptureFixture) -> None:
    batches = FreshBatches((name for name in "ab"), lambda: 1)
    with pytest.raises(InputError, match="no length; pass epoch_length"):
        batches.epoch_length(1)
    assert batches.state_dict() == {}
    with caplog.at_level(logging.WARNING, logger="monai_gan"):
        batches.load_state_dict({})
    assert "the data order restarts" in caplog.text
