"""The stream of batches: complete, repeatable, resumable, and the same on any number of workers and ranks."""

from __future__ import annotations

import random
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import ArrayDataset, CacheDataset
from monai.transforms import Compose, RandFlipd, RandGaussianNoise, RandGaussianNoised, Randomizable, RandZoomd
from torch.utils.data import Dataset, Subset

from monai_gan.data import StreamLoader
from monai_gan.errors import InputError


class Numbers(Dataset[dict[str, Any]]):
    """Sample i is the number i."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": torch.tensor([float(index)]), "label": index}


class Noise(Numbers):
    """Draws from Python's, numpy's and torch's global generators."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": torch.tensor([random.random(), float(np.random.rand()), float(torch.rand(()))])}  # noqa: NPY002


class OwnRandom(Randomizable, Numbers):
    """A dataset whose own ``set_random_state`` keeps the seed."""

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> OwnRandom:
        self.kept = seed
        return self

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": torch.tensor([float(self.kept or 0) % 1e6])}


class Broken(Numbers):
    def __getitem__(self, index: int) -> dict[str, Any]:
        raise InputError(f"image {index} is damaged: remove it.")


def _augmented() -> CacheDataset:
    transform = Compose(
        [
            RandFlipd("image", prob=0.5, spatial_axis=0),
            RandGaussianNoised("image", prob=0.7),
            RandZoomd("image", prob=0.5),
        ]
    )
    items = [{"image": torch.arange(16.0).reshape(1, 4, 4) + 100 * i} for i in range(7)]
    return CacheDataset(items, transform, progress=False)


def _array() -> ArrayDataset:
    return ArrayDataset(torch.arange(112.0).reshape(7, 1, 4, 4), RandGaussianNoise(prob=0.7))


def _images(loader: StreamLoader, n: int) -> list[torch.Tensor]:
    return [torch.as_tensor(b["image"] if isinstance(b, dict) else b) for b in islice(loader.stream(), n)]


def _labels(loader: StreamLoader, n: int) -> list[int]:
    return [int(x) for batch in islice(loader.stream(), n) for x in batch["label"]]


def test_each_epoch_holds_every_sample_once_in_its_own_order() -> None:
    order = _labels(StreamLoader(Numbers(12), 4), 6)
    first, second = order[:12], order[12:]
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second
    assert first != list(range(12))


def test_batches_run_over_the_end_of_an_epoch_without_dropping_a_sample() -> None:
    order = _labels(StreamLoader(Numbers(10), 4), 5)
    assert sorted(order[:10]) == sorted(order[10:]) == list(range(10))


def test_without_shuffle_the_order_is_the_datasets() -> None:
    assert _labels(StreamLoader(Numbers(5), 2, shuffle=False), 4) == [0, 1, 2, 3, 4, 0, 1, 2]


def test_seed_decides_the_order() -> None:
    assert _labels(StreamLoader(Numbers(12), 4, seed=3), 3) == _labels(StreamLoader(Numbers(12), 4, seed=3), 3)
    assert _labels(StreamLoader(Numbers(12), 4, seed=3), 3) != _labels(StreamLoader(Numbers(12), 4, seed=4), 3)


def test_iterating_gives_one_epoch_and_then_the_next() -> None:
    loader = StreamLoader(Numbers(10), 3)
    assert len(loader) == 3
    assert len(list(loader)) == 3
    assert loader.state_dict() == {"position": 3}
    next(loader.stream())
    assert len(list(loader)) == 2, "iteration after a resume inside an epoch gives the rest of it"


@pytest.mark.parametrize("workers", [pytest.param(0, id="in_process"), pytest.param(2, id="prefetching_workers")])
@pytest.mark.parametrize("make", [_augmented, _array], ids=["dictionary_transforms", "array_dataset"])
def test_resume_inside_an_epoch_continues_bit_for_bit(make: Any, workers: int) -> None:
    whole = _images(StreamLoader(make(), 3, seed=5), 6)
    interrupted = StreamLoader(make(), 3, seed=5, num_workers=workers)
    head = _images(interrupted, 2)
    state = interrupted.state_dict()
    interrupted.close()
    assert state == {"position": 2}, "batches that workers hold ready are not counted"
    resumed = StreamLoader(make(), 3, seed=5, num_workers=workers)
    resumed.load_state_dict(state)
    tail = _images(resumed, 4)
    assert all(torch.equal(a, b) for a, b in zip(whole, head + tail, strict=True))
    resumed.close()


def test_augmentation_differs_between_epochs_and_samples() -> None:
    data = Subset(_augmented(), [0, 0, 0, 0])
    images = torch.cat(_images(StreamLoader(data, 4), 2))
    assert len({tuple(image.flatten().tolist()) for image in images}) > 4


def test_global_generators_are_seeded_for_a_sample_and_restored() -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    expected = random.random(), np.random.rand(), torch.rand(())  # noqa: NPY002
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    first = _images(StreamLoader(Noise(4), 2), 2)
    assert (random.random(), np.random.rand(), torch.rand(())) == expected  # noqa: NPY002
    assert torch.equal(torch.cat(first), torch.cat(_images(StreamLoader(Noise(4), 2), 2)))
    assert len(torch.cat(first).unique()) == 12


def test_own_set_random_state_is_called() -> None:
    first = torch.cat(_images(StreamLoader(OwnRandom(4), 2), 2))
    assert len(first.unique()) == 4
    assert torch.equal(first, torch.cat(_images(StreamLoader(OwnRandom(4), 2), 2)))


@pytest.mark.parametrize("ranks", [2, 3])
def test_shares_of_the_ranks_form_the_batches_of_one_rank(ranks: int) -> None:
    whole = _images(StreamLoader(_augmented(), 6, seed=2), 4)
    shares = [
        _images(StreamLoader(_augmented(), 6 // ranks, seed=2, num_replicas=ranks, rank=rank), 4)
        for rank in range(ranks)
    ]
    for number, batch in enumerate(whole):
        assert torch.equal(batch, torch.cat([share[number] for share in shares]))


def test_length_counts_global_batches() -> None:
    assert len(StreamLoader(Numbers(13), 2, num_replicas=3, rank=0)) == 2


def test_ranks_are_asked_of_the_process_group_at_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = StreamLoader(Numbers(8), 2, shuffle=False)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    assert _labels(loader, 2) == [2, 3, 6, 7]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(
            {"batch_size": 9}, "batch_size=9 needs 9 images, but the dataset has 8; try batch_size=8", id="small"
        ),
        pytest.param(
            {"batch_size": 5, "num_replicas": 2, "rank": 0}, "5 on 2 ranks needs 10", id="small_for_all_ranks"
        ),
        pytest.param({"batch_size": 0}, "batch_size=0", id="empty_batch"),
        pytest.param({"batch_size": 4, "num_workers": -1}, "num_workers=-1", id="negative_workers"),
        pytest.param({"batch_size": 2, "seed": -1}, "seed=-1", id="negative_seed"),
    ],
)
def test_impossible_arguments_are_refused(arguments: dict[str, int], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        StreamLoader(Numbers(8), **arguments)


def test_rank_outside_the_group_is_refused() -> None:
    with pytest.raises(InputError, match="rank=2"):
        next(StreamLoader(Numbers(8), 2, num_replicas=2, rank=2).stream())


@pytest.mark.parametrize("workers", [0, 1], ids=["in_process", "from_a_worker"])
def test_an_error_of_the_dataset_stays_one_sentence(workers: int) -> None:
    loader = StreamLoader(Broken(4), 2, shuffle=False, num_workers=workers)
    with pytest.raises(InputError) as caught:
        next(loader.stream())
    assert str(caught.value) == "image 0 is damaged: remove it."
