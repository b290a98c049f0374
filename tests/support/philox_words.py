"""The counter-based generator of the operations in Python's own integers, as a check on every backend."""

from __future__ import annotations

WORD = 2**32


def philox(counter: int, key: int) -> list[int]:
    """Philox4x32-10 (Salmon et al. 2011, section 3.3): four words for a counter of 128 bits and a key of 64."""
    c0, c1, c2, c3 = (counter // WORD**i % WORD for i in range(4))
    k0, k1 = key % WORD, key // WORD % WORD
    for _ in range(10):
        even, odd = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = odd // WORD ^ c1 ^ k0, odd % WORD, even // WORD ^ c3 ^ k1, even % WORD
        k0, k1 = (k0 + 0x9E3779B9) % WORD, (k1 + 0xBB67AE85) % WORD
    return [c0, c1, c2, c3]


def weight(seed: int, offset: int, sample: int) -> float:
    """What `interpolate` draws for a sample of a batch."""
    counter = sample + offset % 2**64 * 2**64
    return (philox(counter, seed % 2**64)[0] >> 8) / 2**24
