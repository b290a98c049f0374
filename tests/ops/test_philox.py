"""The counter-based generator against published known answers."""

from __future__ import annotations

import pytest
import torch

from monai_gan.ops import counter_state, counter_uniform
from monai_gan.ops._torch.philox import philox

ONES = 0xFFFFFFFF


# Known answers of the Random123 library (Salmon et al. 2011) for philox4x32 with ten rounds.
@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (ONES, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ],
    ids=["zeros", "ones"],
)
def test_known_answers(word: int, expected: tuple[int, ...]) -> None:
    same = torch.tensor(word)
    assert tuple(int(out) for out in philox((same,) * 4, (same,) * 2)) == expected


def test_numbers_are_uniform_and_depend_on_seed_offset_and_sample_only() -> None:
    state = counter_state(11)
    numbers = counter_uniform(state, 4096)
    assert torch.equal(numbers[:10], counter_uniform(state, 10))
    assert float(numbers.min()) >= 0
    assert float(numbers.max()) < 1
    # Five standard errors of the mean and of the variance of a uniform number.
    assert abs(float(numbers.mean()) - 0.5) < 5 * (1 / 12 / 4096) ** 0.5
    assert abs(float(numbers.var()) - 1 / 12) < 5 * (1 / 180 / 4096) ** 0.5
    assert not torch.equal(numbers, counter_uniform(counter_state(12), 4096))
