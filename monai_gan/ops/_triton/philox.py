"""Uniform numbers from Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3")."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def uniform(state_ptr, index):
    """One float32 multiple of 2^-24 in [0, 1) from the first output word.

    Args:
        state_ptr: int64 (2,), seed and offset, in device memory so that a replayed CUDA graph sees new values.
        index: int64, which number of the stream. The seed is the key; index and offset make the counter.
    """
    seed = tl.load(state_ptr)
    offset = tl.load(state_ptr + 1)
    # tl.philox splits a 64-bit seed into two key words, low word first, and does 10 rounds.
    word, _, _, _ = tl.philox(seed, low_word(index), high_word(index), low_word(offset), high_word(offset))
    return (word >> 8).to(tl.float32) * 5.9604644775390625e-08


@triton.jit
def low_word(value):
    """Bits 0 to 31 of an int64."""
    return (value & 0xFFFFFFFF).to(tl.uint32)


@triton.jit
def high_word(value):
    """Bits 32 to 63 of an int64."""
    return ((value >> 32) & 0xFFFFFFFF).to(tl.uint32)
