"""Latents depend on seed and index alone."""

from __future__ import annotations

import pytest
import torch

from monai_gan.data import LatentDataset, StreamLoader, seeded_latents
from monai_gan.errors import InputError


def test_a_latent_depends_on_seed_and_index_only() -> None:
    whole = seeded_latents(5, 16, seed=3)
    assert torch.equal(whole[2:], seeded_latents(3, 16, seed=3, start=2))
    assert not torch.equal(whole, seeded_latents(5, 16, seed=4))
    assert len(whole.unique(dim=0)) == 5


def test_latents_are_standard_normal() -> None:
    latents = seeded_latents(400, 100, seed=0)
    assert latents.dtype == torch.float32
    assert abs(float(latents.mean())) < 0.02
    assert float(latents.std()) == pytest.approx(1, abs=0.02)


def test_none_gives_an_empty_tensor() -> None:
    assert seeded_latents(0, 8, seed=0).shape == (0, 8)


def test_dataset_gives_the_series_with_its_numbers() -> None:
    data = LatentDataset(3, 8, seed=7, start=4)
    expected = seeded_latents(3, 8, seed=7, start=4)
    assert [sample["index"] for sample in data] == [4, 5, 6]
    assert torch.equal(torch.stack([sample["image"] for sample in data]), expected)
    batch = next(StreamLoader(data, 3, shuffle=False).stream())
    assert torch.equal(batch["image"], expected)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [((0, 8), "n=0"), ((1, 8, -1), "seed=-1"), ((1, 8, 2**63), "seed="), ((1, 8, 0, -1), "start=-1")],
    ids=["no_image", "negative_seed", "seed_too_large", "negative_start"],
)
def test_out_of_range_is_refused(arguments: tuple[int, ...], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        LatentDataset(*arguments)


def test_a_series_of_classes_states_the_class_of_each_sample() -> None:
    dataset = LatentDataset(5, 3, seed=1, start=4, num_classes=3)
    assert [dataset[i]["label"] for i in range(5)] == [1, 2, 0, 1, 2]
    assert "label" not in LatentDataset(5, 3)[0]
    with pytest.raises(InputError, match="num_classes=-1"):
        LatentDataset(5, 3, num_classes=-1)
