"""Philox4x32-10, the counter-based generator of Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3").

Its output is a function of key and counter alone, so that every backend and every launch gives the same bits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

ROUNDS = 10
_MASK = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Encrypt counters.

    Args:
        counter: four int64 tensors that hold 32-bit words and broadcast together.
        key: two such tensors.

    Returns:
        Four int64 tensors of 32-bit words.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        high0, low0 = _multiply(_MULTIPLIERS[0], c0)
        high1, low1 = _multiply(_MULTIPLIERS[1], c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return c0, c1, c2, c3


def uniform(state: Tensor, n: int) -> Tensor:
    """One number per sample, a multiple of 2^-24 in [0, 1).

    Args:
        state: int64 (2,), seed and offset. The key is the seed; sample index and offset make the counter.
        n: how many numbers.

    Returns:
        float32 (n,).
    """
    index = torch.arange(n, device=state.device)
    seed, offset = state.unbind()
    first = philox((*_words(index), *_words(offset)), _words(seed))[0]
    return (first >> 8).to(torch.float32) * 2.0**-24


def normal(keys: Tensor, n: int) -> Tensor:
    """Standard normal numbers by Box and Muller's method, two of each pair of words.

    Args:
        keys: (N, 2) in [0, 1), the key of each row in its first 24 bits.
        n: how many numbers per row.

    Returns:
        float32 (N, n).
    """
    words = (keys.detach().double() * 2.0**24).to(torch.int64)
    index = torch.arange(-(-n // 4), device=keys.device).unsqueeze(0)
    zero = torch.zeros_like(index)
    # Halves keep the logarithm away from zero.
    numbers = [
        ((word >> 8).to(torch.float32) + 0.5) * 2.0**-24
        for word in philox((index, zero, zero, zero), (words[:, :1], words[:, 1:]))
    ]
    values = []
    for first, second in (numbers[:2], numbers[2:]):
        radius, angle = (-2 * first.log()).sqrt(), 2 * math.pi * second
        values += [radius * angle.cos(), radius * angle.sin()]
    return torch.cat(values, 1)[:, :n]


def _words(value: Tensor) -> tuple[Tensor, Tensor]:
    return value & _MASK, (value >> 32) & _MASK


def _multiply(constant: int, word: Tensor) -> tuple[Tensor, Tensor]:
    """High and low word of a 32 x 32-bit product, in halves because int64 has no unsigned product of 64 bits."""
    low = constant * (word & 0xFFFF)
    high = constant * (word >> 16)
    total = (low >> 16) + high
    return total >> 16, ((total & 0xFFFF) << 16) | (low & 0xFFFF)
