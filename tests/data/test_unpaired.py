"""Random partners are drawn anew and repeat in a resumable stream."""

from __future__ import annotations

import pytest
import torch

from monai_gan.data import StreamLoader, UnpairedDataset
from monai_gan.errors import InputError

FIRST = [{"image": torch.full((1, 2, 2), float(i))} for i in range(6)]
SECOND = [{"image": torch.full((1, 2, 2), 100.0 + i)} for i in range(5)]


def pairs(loader: StreamLoader, batches: int) -> list[tuple[float, float]]:
    found = []
    for _, batch in zip(range(batches), loader.stream(), strict=False):
        found += list(zip(batch["image"][:, 0, 0, 0].tolist(), batch["target"][:, 0, 0, 0].tolist(), strict=True))
    return found


def test_partners_change_and_cover_the_other_set():
    found = pairs(StreamLoader(UnpairedDataset(FIRST, SECOND), 2), 60)
    assert {image for image, _ in found} == set(range(6))
    assert {target for _, target in found} == {100.0 + i for i in range(5)}
    assert len({target for image, target in found if image == 0}) > 1
    assert found == pairs(StreamLoader(UnpairedDataset(FIRST, SECOND), 2, num_workers=1), 60)
    assert found != pairs(StreamLoader(UnpairedDataset(FIRST, SECOND), 2, seed=1), 60)


def test_what_else_the_first_set_has_is_kept():
    sample = UnpairedDataset([{"t1": 1, "word": 7}], [{"t1": 2, "word": 8}], key="t1")[0]
    assert sample == {"image": 1, "target": 2, "word": 7}


def test_bad_sets_are_named():
    with pytest.raises(InputError, match="second is empty"):
        UnpairedDataset(FIRST, [])
    with pytest.raises(InputError, match=r"sample of second has no 'image', only \['t2'\]: pass key="):
        UnpairedDataset(FIRST, [{"t2": 1}])[0]
